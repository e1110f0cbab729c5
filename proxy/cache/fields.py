"""Header fields at the cache: what they forbid, which are kept, and what a kept answer says."""

import math
from collections.abc import Iterable
from email.utils import formatdate

from proxy.core.headers import HOP_BY_HOP, Headers

_OF_THE_CONNECTION = frozenset((*HOP_BY_HOP, "connection", "proxy-authentication-info"))
"""What RFC 9111 3.1 says is not to be kept."""
_OF_THE_MOMENT = frozenset(  # true of the one exchange they came with, a lie in any other
    (
        "age",
        "cf-ray",
        "content-length",
        "openai-processing-ms",
        "ratelimit",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "server-timing",
        "set-cookie",
        "traceparent",
        "x-envoy-upstream-service-time",
        "x-request-id",
        "x-should-retry",
    )
)
_NO_WISHES: frozenset[str] = frozenset()
_OF_THE_MOMENT_FAMILIES = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-")


def directives(cache_control: Iterable[str]) -> frozenset[str]:
    """The names of all directives of `Cache-Control` fields, in lower case, without arguments."""
    return frozenset(
        item.partition("=")[0].strip().lower() for line in cache_control for item in line.split(",")
    )


def wishes_in(headers: Headers) -> frozenset[str]:
    """The directives of a message's own `Cache-Control`."""
    if "cache-control" not in headers:
        return _NO_WISHES
    return directives(headers.getall("cache-control", []))


def kept_fields(
    headers: Headers, received_at: float, size_bytes: int
) -> tuple[tuple[str, str], ...]:
    """The fields of an answer of `size_bytes` that hold for everyone it is given to later.

    Date stays as the provider set it, and is added where it did not: it says when the answer was
    made, and `Age` counts from there (RFC 9110 6.6.1, RFC 9111 4.2.3). Content-Length is there also
    where the answer came in chunks: now the length is known.
    """
    named = {
        item.strip().lower()
        for line in headers.getall("connection", [])
        for item in line.split(",")
    }
    kept = [
        (name, value)
        for name, value in headers.items()
        if (lower := name.lower()) not in _OF_THE_CONNECTION
        and lower not in _OF_THE_MOMENT
        and not lower.startswith(_OF_THE_MOMENT_FAMILIES)
        and lower not in named
    ]
    if "date" not in headers:
        kept.append(("Date", formatdate(received_at, usegmt=True)))
    kept.append(("Content-Length", str(size_bytes)))
    return tuple(kept)


def hit_status(remaining_s: float) -> str:
    """`Cache-Status` of an answer from the store, with a negative ttl when it is stale.

    RFC 9211 2.1 counts a stale answer given because the provider is out of reach as a hit.
    """
    return f"understudy; hit; ttl={math.floor(remaining_s)}"


def forward_status(why: str) -> str:
    """`Cache-Status` of an answer that was fetched. `why` is a word of RFC 9211 2.2.

    It never has `stored`: whether an answer is whole is known at its end, after the headers left.
    """
    return f"understudy; fwd={why}"
