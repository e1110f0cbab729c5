"""Header fields on their way on: what is left out, what is added, and how they are spelled."""

from multidict import CIMultiDict, CIMultiDictProxy, istr

from proxy.core.call import Call
from proxy.core.headers import HOP_BY_HOP, Headers
from proxy.core.pact import OWN_TIMEOUT
from proxy.upstream.via import NAME, Signature

PSEUDONYM = f"1.1 {NAME}"
"""How this proxy signs `Via` of answers (RFC 9110 7.6.3)."""

CONNECTION, UPGRADE = istr("Connection"), istr("Upgrade")
_NAMING_NOTHING = frozenset(("keep-alive", "close"))

_HOP_BY_HOP = tuple(map(istr, HOP_BY_HOP))
HOST, VIA, EXPECT = istr("Host"), istr("Via"), istr("Expect")
MAX_FORWARDS = istr("Max-Forwards")
COUNTED = frozenset(("OPTIONS", "TRACE"))
"""Methods whose `Max-Forwards` every intermediary counts down (RFC 9110 7.6.2)."""

_TO_US = istr(OWN_TIMEOUT)

_TO_STRANGERS = (
    *("Accept", "Accept-Encoding", "Content-Type", "User-Agent", "tracestate"),
    *("anthropic-version", "anthropic-beta"),  # which form of that API the request has
)
"""What of the app's headers goes to an upstream that it was not calling. A list of what may go,
not of what may not: nobody knows all the names under which keys, cookies and accounts travel."""

_TO_STRANGERS_PREFIX = "x-stainless-"
"""How the official SDKs describe themselves."""


class UnsafeField(ValueError):
    """A field that would be read as more than one: it is never sent."""


def head(first_line: str, fields: CIMultiDict[str]) -> bytes:
    """The head of a message. Bytes that came in as they are no text go out as they came.

    Raises UnsafeField where a name or value could end a line (RFC 9110 5.5).
    """
    text = "\r\n".join((first_line, *map(": ".join, fields.items()), "", ""))
    ends = len(fields) + 2
    if text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise UnsafeField("a header field holds CR, LF or NUL")
    return text.encode("utf-8", "surrogateescape")


def without_hop_by_hop(headers: Headers) -> CIMultiDict[str]:
    """A copy less the fields between neighbours and those that `Connection` names; order kept."""
    if isinstance(headers, (CIMultiDictProxy, CIMultiDict)):
        kept = headers.copy()
    else:
        kept = CIMultiDict(headers.items())
    if CONNECTION in kept:
        for named in kept.popall(CONNECTION):
            if named.lower() not in _NAMING_NOTHING:
                _drop_named(named, kept)
    for name in _HOP_BY_HOP:
        if name in kept:
            del kept[name]
    return kept


def _drop_named(named: str, fields: CIMultiDict[str]) -> None:
    """Drop what a value of `Connection` says is for the next neighbour only."""
    for name in named.split(","):
        if bare := name.strip():
            fields.popall(bare, None)


def to_own(call: Call, authority: str, via: Signature) -> CIMultiDict[str]:
    """The app's own headers, for the upstream that it was calling."""
    fields = without_hop_by_hop(call.headers)
    if EXPECT in fields:
        del fields[EXPECT]  # answered by us already: the body was read
    if _TO_US in fields:
        del fields[_TO_US]
    if call.method in COUNTED and (left := fields.get(MAX_FORWARDS)) is not None:
        fields[MAX_FORWARDS] = str(int(left) - 1)  # it is a number above 0, or we had answered
    if call.upgrade:
        fields[CONNECTION], fields[UPGRADE] = UPGRADE, call.upgrade
    fields[HOST] = authority
    fields.add(VIA, via.of_1_1 if call.chunks else via.of_1_0)
    return fields


def to_stranger(
    call: Call, authority: str, credentials: tuple[tuple[str, str], ...], via: Signature
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
        fields.setdefault(name, value)  # a version that the app names is that of its body
    fields.add(VIA, via.of_1_1 if call.chunks else via.of_1_0)
    return fields
