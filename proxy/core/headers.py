"""Header fields as every room sees them: many values a name, names without case, order kept."""

from collections.abc import Iterable
from typing import Protocol

HOP_BY_HOP = (
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
)
"""Fields between two neighbours only, beside `Connection` and those that it names (RFC 9110 7.6.1).
`Trailer` announces what aiohttp drops."""

LINE_BYTES = 64 * 2**10
"""Of one header line, both ways. aiohttp's 8190 is less than some gateways send."""

FIELD_COUNT = 256
"""Of the fields of one message, both ways: twice aiohttp's own."""


class Headers(Protocol):
    """The part of `multidict.CIMultiDict` and its read-only proxy that rooms may rely on."""

    def get(self, key: str) -> str | None:
        """The first value of `key`, or None."""
        ...

    def getall(self, key: str, default: list[str]) -> list[str]: ...

    def items(self) -> Iterable[tuple[str, str]]:
        """Every field, in the order received, repeated names included."""
        ...

    def __contains__(self, key: object) -> bool: ...
