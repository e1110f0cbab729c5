"""Where an upstream lives, taken apart once."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server, and the path in front of everything asked of it there."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Of an upstream's `url`, which the policy has checked."""
        parts = urlsplit(url)
        return cls(
            parts.scheme,
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            parts.path.rstrip("/"),
        )

    @property
    def authority(self) -> str:
        """The value of `Host` (RFC 9110 7.2): the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme and authority, no path."""
        return f"{self.scheme}://{self.authority}/"

    def rebase(self, path: str, source: "Origin") -> str:
        """`path` asked of `source`, as it has to be asked here: only the prefix changes."""
        rest = path.removeprefix(source.prefix)
        return self.prefix + (rest if rest.startswith("/") else path)
