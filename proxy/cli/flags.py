"""Flags that several commands share, and how a flag gets its environment variable."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.settings import Address, SettingError, default_policies, default_state_dir, parse_switch

LISTEN = "127.0.0.1:8900"
ADMIN = "127.0.0.1:8901"


class Flags:
    """Adds flags to a command's parser; the environment beats the default, a flag beats both."""

    def __init__(self, parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
        self._parser = parser
        self._environ = environ

    def add(self, name: str, default: str, meaning: str, **options: Any) -> None:
        variable = _variable(name)
        value = self._environ.get(variable) or default  # compose files leave variables empty
        choices = options.get("choices", [value])
        if value not in choices:  # argparse looks at what is typed, not at defaults
            raise SettingError(f"{variable}: {value!r} is not one of {', '.join(choices)}")
        told = default.replace("%", "%%") or "none"  # argparse fills in what follows a %
        self._parser.add_argument(
            name,
            default=value,
            help=f"{meaning} (default: {told}; {variable})",
            **options,
        )

    def switch(self, name: str, meaning: str) -> None:
        """A flag without a value: off, unless it is given, or its variable says so."""
        variable = _variable(name)
        self._parser.add_argument(
            name,
            action="store_true",
            default=parse_switch(self._environ.get(variable, ""), variable),
            help=f"{meaning} (default: off; {variable})",
        )

    def policies(self) -> None:
        self._parser.add_argument(
            "--policies",
            type=Path,
            action="append",
            metavar="PATH",
            help="a policy file or folder, repeatable (default: policies; UNDERSTUDY_POLICIES)",
        )
        self._parser.set_defaults(default_policies=default_policies(self._environ))

    def state_dir(self) -> None:
        self.add(
            "--state-dir",
            str(default_state_dir()),
            "where a running proxy leaves word of itself, and keeps its local CA",
            metavar="DIR",
        )


def _variable(flag: str) -> str:
    return "UNDERSTUDY_" + flag.strip("-").replace("-", "_").upper()


def chosen_policies(chosen: argparse.Namespace) -> tuple[Path, ...]:
    return tuple(chosen.policies or chosen.default_policies)


def address(chosen: argparse.Namespace, flag: str) -> Address:
    return Address.parse(getattr(chosen, flag.strip("-")), flag)
