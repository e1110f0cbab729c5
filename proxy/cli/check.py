"""`understudy check`: is this policy set right?"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.cli.flags import Flags, chosen_policies
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.policy.complaint import PolicyError


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("check", help="validate policy files without running")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders")
    Flags(parser, environ).policies()
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0; 1 with one line a complaint: `path:line:column: what is wrong; what would be right`."""
    try:
        snapshot = load_paths(chosen.paths or chosen_policies(chosen), os.environ)
    except (PolicyError, NoPolicy, OSError) as error:
        for complaint in complaints_of(error):
            print(complaint)
        return 1
    for warning in snapshot.warnings:
        print(f"warning: {warning}")
    print(
        f"ok: {len(snapshot.files)} files, {len(snapshot.upstreams)} upstreams, "
        f"{len(snapshot.routes)} routes, digest {snapshot.digest}"
    )
    return 0
