"""The headers by which an answer says honestly where it comes from."""

from collections.abc import Iterator

from multidict import CIMultiDict, istr

from proxy.core.call import Call
from proxy.core.event import AttemptEnded, PassedOver, StreamBroke
from proxy.core.failure import FailureKind, Hop
from proxy.core.reply import Reply
from proxy.engine.observe import is_fallback

REQUEST_ID = istr("x-understudy-request-id")
SOURCE = istr("x-understudy-source")
TARGET = istr("x-understudy-target")
ATTEMPTS = istr("x-understudy-attempts")
FALLBACK = istr("x-understudy-fallback")
DEGRADED = istr("x-understudy-degraded")
PROXY_STATUS = istr("Proxy-Status")

_PROXY_ERRORS = {
    FailureKind.TIMEOUT_CONNECT: "connection_timeout",
    FailureKind.TIMEOUT_FIRST_BYTE: "http_response_timeout",
    FailureKind.TIMEOUT_TOTAL: "http_response_timeout",
    FailureKind.TIMEOUT_IDLE: "http_response_timeout",
    FailureKind.NETWORK: "destination_unavailable",
    FailureKind.BROKEN_STREAM: "http_response_incomplete",
    FailureKind.MALFORMED: "http_protocol_error",
    FailureKind.CIRCUIT_OPEN: "destination_unavailable",
    FailureKind.LIMIT: "connection_limit_reached",
}
"""RFC 9209 2.3. A provider's own error has no such word: its status is told instead."""


def mark(fields: CIMultiDict[str], call: Call, reply: Reply) -> None:
    """Put the marks among the header fields of `reply`. Marks that a provider sent are not ours."""
    fields[REQUEST_ID] = call.id
    fields[SOURCE] = str(reply.source)
    fields[TARGET] = reply.target
    fields[ATTEMPTS] = str(call.journal.attempts)
    for name in (FALLBACK, DEGRADED):
        if name in fields:
            del fields[name]
    if reply.status < 400 and is_fallback(call, reply.source, reply.target):
        fields[FALLBACK] = "true"
    if reply.degraded:
        fields[DEGRADED] = reply.degraded
    if call.journal.failures:
        fields.add(PROXY_STATUS, ", ".join(_proxy_status(call)))


def _proxy_status(call: Call) -> Iterator[str]:
    """One member for each failure (RFC 9209), the first the one nearest to the app's call, and one
    for each target that was held back, however often."""
    held_back: set[str] = set()
    for entry in call.journal.entries:
        match entry.event:
            case AttemptEnded(target, _, _, status, FailureKind() as kind, hop=hop):
                yield _member(target, kind, status, hop)
            case StreamBroke(target, kind):
                yield _member(target, kind)
            case PassedOver(target, _, FailureKind() as kind) if target not in held_back:
                held_back.add(target)
                yield _member(target, kind)


def _member(
    target: str, kind: FailureKind, received: int | None = None, hop: Hop | None = None
) -> str:
    known = hop or _PROXY_ERRORS.get(kind)
    error = f"; error={known}" if known else ""
    status = f"; received-status={received}" if received is not None else ""
    return f'understudy; next-hop="{target}"{error}{status}; details="{kind}"'
