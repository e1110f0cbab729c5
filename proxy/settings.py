"""How the process is set up: flags of the command line, each with an environment variable."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_state_path

from proxy.capture.limits import Limits
from proxy.policy.size import size_bytes
from proxy.policy.words import duration_s
from proxy.telemetry.formats import LogFormat

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):([0-9]{1,5})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
"""Fit for a URL as it is (RFC 3986 2.3), and longer than anybody guesses."""
_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("", "0", "false", "no", "off"))


class SettingError(Exception):
    """A flag or environment variable is wrong; the message says which, and what would be right."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, or where somebody listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, flag: str) -> "Address":
        parts = _ADDRESS.fullmatch(text)
        if parts is None or int(parts[2]) > 65535:
            raise SettingError(
                f"{flag}: {text!r} is no address; it wants HOST:PORT, 127.0.0.1:8900"
            )
        return cls(parts[1].strip("[]") or "127.0.0.1", int(parts[2]))

    @property
    def loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def url(self, port: int) -> str:
        """Of this host with the port that is really in use."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `serve` is told. Durations in seconds. Tokens are empty where none is wanted.

    `transparent` is the port for connections that a firewall redirects, 0 for a free one. `open`:
    whoever can reach the proxy may use it; where there is a `proxy_token`, it is wanted all the
    same.
    """

    policies: tuple[Path, ...]
    listen: Address
    admin: Address
    transparent: int | None
    proxy_token: str = field(repr=False)
    open: bool
    admin_token: str = field(repr=False)
    state_dir: Path
    drain_s: float
    limits: Limits
    log_format: LogFormat
    log_level: str

    @property
    def ca_dir(self) -> Path:
        """Where the local certificate authority lives."""
        return ca_dir(self.state_dir)


def parse_duration(text: str, flag: str) -> float:
    """Seconds of `10s`, `250ms`, `2m`, `1h` or a bare number of seconds."""
    seconds = duration_s(f"{text}s" if text[-1:].isdigit() else text)
    if seconds is None:
        raise SettingError(f"{flag}: {text!r} is no duration; it wants 10s, 250ms, 2m or 1h")
    return seconds


def parse_count(text: str, flag: str) -> int:
    """A whole number from 1 on."""
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise SettingError(f"{flag}: {text!r} is no number of connections; it wants 1 or more")
    return int(text)


def parse_size(text: str, flag: str) -> int | None:
    """Bytes of `64KiB`, `8MiB`, `1GiB`; None where nothing is said: without limit."""
    if not text:
        return None
    size = size_bytes(text)
    if not size:
        raise SettingError(f"{flag}: {text!r} is no size; it wants 64KiB, 8MiB or 1GiB")
    return size


def parse_port(text: str, flag: str) -> int | None:
    """A port; None where nothing is said."""
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > 65535:
        raise SettingError(f"{flag}: {text!r} is no port; it wants a number up to 65535, 8902")
    return int(text)


def parse_switch(text: str, flag: str) -> bool:
    """Whether a flag without a value is on, as its environment variable says it."""
    said = text.strip().lower()
    if said not in _YES | _NO:
        raise SettingError(f"{flag}: {text!r} is neither yes nor no; it wants true or false")
    return said in _YES


def check_token(text: str, flag: str) -> str:
    """`text`, if it is empty or a token that applications can present; it is never shown."""
    if text and _TOKEN.fullmatch(text) is None:
        raise SettingError(
            f"{flag}: what it was given ({len(text)} characters) is no token; it wants at least 16 "
            "letters, digits, '.', '_', '~' or '-', as `openssl rand -hex 32` makes them"
        )
    return text


def default_state_dir() -> Path:
    return user_state_path("understudy")


def ca_dir(state_dir: Path) -> Path:
    return state_dir / "ca"


def default_policies(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What UNDERSTUDY_POLICIES names, separated like PATH; else `policies` in the current folder;
    else the set that ships: in an installed package, or beside `proxy/` in a checkout."""
    if named := environ.get("UNDERSTUDY_POLICIES"):
        return tuple(Path(path) for path in named.split(os.pathsep))
    here, package = Path("policies"), Path(__file__).parent
    places = (here, package / "shipped_policies", package.parent / "policies")
    return (next((place for place in places if place.exists()), here),)
