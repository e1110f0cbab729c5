"""Header fields of a request on its way to a provider."""

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.headers import Headers

PSEUDONYM = "1.1 understudy"
"""How this proxy signs `Via` (RFC 9110 7.6.3)."""

HOP_BY_HOP = (
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Proxy-Authenticate",
    "Proxy-Authorization",
)
"""Fields between two neighbours only (RFC 9110 7.6.1). `Trailer` announces what aiohttp drops."""

_TO_STRANGERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent", "tracestate")
"""What of the app's headers goes to an upstream that it was not calling. A list of what may go,
not of what may not: nobody knows all the names under which keys, cookies and accounts travel."""

_TO_STRANGERS_PREFIX = "x-stainless-"
"""How the official SDKs describe themselves."""


def without_hop_by_hop(headers: Headers) -> CIMultiDict[str]:
    """A copy less the fields between neighbours and those that `Connection` names; order kept."""
    kept = CIMultiDict(headers.items()) if not isinstance(headers, CIMultiDict) else headers.copy()
    for named in headers.getall("Connection", []):
        for name in named.split(","):
            kept.popall(name.strip(), None)
    for name in HOP_BY_HOP:
        if name in kept:
            del kept[name]
    return kept


def to_own(call: Call, authority: str) -> CIMultiDict[str]:
    """The app's own headers, for the upstream that it was calling."""
    fields = without_hop_by_hop(call.headers)
    if "Expect" in fields:
        del fields["Expect"]  # answered by us already: the body was read
    fields["Host"] = authority
    fields.add("Via", PSEUDONYM)
    return fields


def to_stranger(
    call: Call, authority: str, credentials: tuple[tuple[str, str], ...]
) -> CIMultiDict[str]:
    """What another upstream gets to see: no credential but its own."""
    fields: CIMultiDict[str] = CIMultiDict({"Host": authority})
    for name, value in call.headers.items():
        if name.lower().startswith(_TO_STRANGERS_PREFIX):
            fields.add(name, value)
    for name in _TO_STRANGERS:
        for value in call.headers.getall(name, []):
            fields.add(name, value)
    for name, value in credentials:
        fields[name] = value
    fields.add("Via", PSEUDONYM)
    return fields
