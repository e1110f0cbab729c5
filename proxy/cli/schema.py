"""`understudy schema`: the JSON Schema of a policy file, for editors."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from proxy.policy.editor import json_schema


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("schema", help="the JSON Schema of policy files, for editors")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=2))
    return 0
