"""Where an upstream lives, taken apart once."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}

_CREDENTIAL = re.compile(
    r"(?:(?:api|access|subscription)?[_-]?key|(?:access|auth|id)?[_-]?token|auth|sig|signature"
    r"|x-(?:amz|goog)-[a-z-]+)(?:=|$)",
    re.IGNORECASE,
)
"""Parameters of a query by which APIs let themselves be told who is calling, Gemini's `key` first.
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server, and the path in front of everything asked of it there.

    `authority` is the value of `Host` (RFC 9110 7.2): the port is left out where it is the scheme's
    own.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    authority: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        told = host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"
        object.__setattr__(self, "authority", told)  # worked out once: every request needs it

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
    def url(self) -> str:
        """Scheme and authority, no path."""
        return f"{self.scheme}://{self.authority}/"

    def rebase(self, path: str, source: "Origin") -> str:
        """`path` asked of `source`, as it has to be asked here: the prefix changes, and parameters
        of the query that carry a credential stay behind."""
        rest = path.removeprefix(source.prefix)
        return self.prefix + _without_credentials(rest if rest.startswith("/") else path)


def _without_credentials(path: str) -> str:
    bare, question, query = path.partition("?")
    if not question:
        return path
    pairs = query.split("&")
    kept = [pair for pair in pairs if _CREDENTIAL.match(pair) is None]
    return path if len(kept) == len(pairs) else bare + question * bool(kept) + "&".join(kept)
