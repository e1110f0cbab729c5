"""What Node needs to use proxy variables at all.

From 22.21 and 24.5 on, it does so where NODE_USE_ENV_PROXY is set (nodejs.org/api/cli.html); older
ones load `preload.cjs`, which does nothing in those that can do it themselves.
"""

from collections.abc import Mapping
from pathlib import Path

PRELOAD = Path(__file__).with_name("preload.cjs")


def node_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of Node; the options in `environ` come first and stay."""
    required = f"--require {_quoted(str(PRELOAD))}"
    options = environ.get("NODE_OPTIONS", "").strip()
    if required not in options:
        options = f"{options} {required}".strip()
    return {"NODE_USE_ENV_PROXY": "1", "NODE_OPTIONS": options}


def _quoted(path: str) -> str:
    """As Node takes a path apart: in double quotes, where a backslash escapes
    (nodejs.org/api/cli.html#node_optionsoptions)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
