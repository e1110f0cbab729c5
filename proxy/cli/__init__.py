"""The commands. Each is a module with what it adds to the parser and what it does.

A command prints its result on stdout and everything else on stderr, and returns its exit status.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from proxy.cli import ca, check, drill, embed, explain, run, schema, serve, status
from proxy.settings import SettingError

_COMMANDS = (serve, run, check, explain, drill, embed, ca, status, schema)
_STDERR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: those of the process) name; its exit status."""
    _hold_standard_streams()
    try:
        chosen = _parser().parse_args(arguments)
        return int(chosen.run(chosen))
    except SettingError as error:
        print(f"understudy: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read us has gone
        return 1


def _hold_standard_streams() -> None:
    """Open nothing in place of stdin, stdout and stderr where they are closed, as some supervisors
    leave them: else the first sockets get their numbers, are written to by whoever means stderr,
    and are what libuv refuses to close."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        continue
    os.close(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="understudy",
        description="Keeps an application working while its LLM and embedding providers fail.",
        epilog="Every flag has an environment variable: --state-dir is UNDERSTUDY_STATE_DIR.",
    )
    shown = f"understudy {version('understudy')}"
    parser.add_argument("--version", action="version", version=shown)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands, os.environ)
    return parser
