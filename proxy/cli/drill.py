"""`understudy drill`: plays provider faults against the given policies, with no real provider."""

import argparse
from collections.abc import Mapping
from typing import Any

from proxy.cli.flags import Flags


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("drill", help="play provider faults against the policies")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="what there is to play")
    parser.add_argument("--json", action="store_true", help="the scorecard as data")
    Flags(parser, environ).policies()
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0 when everything was survived; 1 when something was not; 2 for a wrong policy or name."""
    from proxy.cli.drilling import (
        run as drill,  # forty files that no other command wants to wait for
    )

    return drill(chosen)
