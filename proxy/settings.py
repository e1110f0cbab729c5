"""How the process is set up: flags of the command line, each with an environment variable."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from proxy.policy.words import duration_s
from proxy.telemetry.formats import LogFormat

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):([0-9]{1,5})")


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
    """Everything that `serve` is told. Durations in seconds."""

    policies: tuple[Path, ...]
    listen: Address
    admin: Address
    admin_token: str
    state_dir: Path
    drain_s: float
    log_format: LogFormat
    log_level: str


def parse_duration(text: str, flag: str) -> float:
    """Seconds of `10s`, `250ms`, `2m`, `1h` or a bare number of seconds."""
    seconds = duration_s(f"{text}s" if text[-1:].isdigit() else text)
    if seconds is None:
        raise SettingError(f"{flag}: {text!r} is no duration; it wants 10s, 250ms, 2m or 1h")
    return seconds


def default_state_dir() -> Path:
    return user_state_path("understudy")


def default_policies(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What UNDERSTUDY_POLICIES names, separated like PATH; else `policies` in the current folder;
    else the set that ships: in an installed package, or beside `proxy/` in a checkout."""
    if named := environ.get("UNDERSTUDY_POLICIES"):
        return tuple(Path(path) for path in named.split(os.pathsep))
    here, package = Path("policies"), Path(__file__).parent
    places = (here, package / "shipped_policies", package.parent / "policies")
    return (next((place for place in places if place.exists()), here),)
