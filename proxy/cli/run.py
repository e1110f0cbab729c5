"""`understudy run -- CMD`: a program pointed at a proxy of its own."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from proxy.cli.flags import Flags
from proxy.cli.serving import add_serve_flags
from proxy.settings import SettingError

FREE = "127.0.0.1:0"
USAGE = "understudy run [flags of serve] [--no-base-url] -- CMD ARG..."


class _RunFlags(Flags):
    """The flags of `serve`, with what is quiet and temporary as default."""

    def add(self, name: str, default: str, meaning: str, **options: Any) -> None:
        match name:
            case "--state-dir":
                default, meaning = "", "where the CA is kept; none: a folder that goes at the end"
            case "--log-level":
                default = "warning"
        super().add(name, default, meaning, **options)


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser(
        "run", help="run a program with its environment pointed at a proxy", usage=USAGE
    )
    flags = _RunFlags(parser, environ)
    add_serve_flags(flags, listen=FREE, admin=FREE)
    flags.switch("--no-base-url", "set no base URLs: all comes in by HTTP_PROXY and HTTPS_PROXY")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- CMD ARG...", help="what to run"
    )
    parser.set_defaults(run=run, untyped=vars(parser.parse_args([])))


def run(chosen: argparse.Namespace) -> int:
    """CMD's own status, or its death; 127 or 126 when it cannot be run; what `serve` would return
    when that cannot start; 2 when a flag is wrong."""
    if chosen.command[:1] != ["--"] or not chosen.command[1:]:
        raise SettingError(f"run: there is no command behind --; it wants {USAGE}")
    if sys.platform == "win32":
        raise SettingError("run: it needs signals and process groups, which Windows has not")
    from proxy.cli.running import run as supervise  # which Windows cannot even import

    return supervise(chosen, chosen.command[1:])
