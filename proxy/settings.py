"""How the process is set up: flags of the command line, each with an environment variable."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from proxy.telemetry.formats import LogFormat

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):([0-9]{1,5})")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


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
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

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
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise SettingError(f"{flag}: {text!r} is no duration; it wants 10s, 250ms, 2m or 1h")
    return float(parts[1]) * _SECONDS[parts[2]]


def default_state_dir() -> Path:
    return user_state_path("understudy")


def default_policies(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """`policies` where the program is started, or else the set that ships with it."""
    here = Path("policies")
    if environ.get("UNDERSTUDY_POLICIES"):
        return tuple(Path(path) for path in environ["UNDERSTUDY_POLICIES"].split(":"))
    package = Path(__file__).parent
    shipped = (package / "shipped_policies", package.parent / "policies")
    return (here,) if here.exists() else (next((p for p in shipped if p.exists()), here),)
