"""Foreign JSON."""

from typing import Any

import orjson


def object_in(body: bytes) -> dict[str, Any] | None:
    """The JSON object that `body` is, with whatever it holds; None when it is anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
