"""What spans may know of a call, once it has ended: no header, no body, nothing that is still used.

It waits in a queue while a collector is slow, so it must be small and must hold no secret.
"""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.core.call import Call, Operation, Trace
from proxy.core.event import Bug, CallEnded, CallStarted
from proxy.core.failure import FailureKind
from proxy.core.journal import Entry, Journal
from proxy.core.pact import app_retries
from proxy.core.reply import End, Source
from proxy.telemetry.outcome import Outcome, outcome


@dataclass(frozen=True, slots=True)
class Server:
    """Where a target is, and whose API it speaks."""

    dialect: str
    address: str
    port: int


# These hold the Call, or frames that hold it, and so its headers.
_WITH_CALL = frozenset((CallStarted, CallEnded, Bug))

Servers = Callable[[str], Server | None]
"""The server of a target by its name; None where there is none or it is unknown. Asked from a
thread, of the policy in force by then."""


@dataclass(frozen=True, slots=True)
class Story:
    """A call from its first entry to its last. `offset_s` turns times of the journal into seconds
    since the epoch. `path` has no query, which can hold keys. `app_retry`: how often the app says
    that it has asked before."""

    trace: Trace
    call_id: str
    method: str
    path: str
    upstream: str
    dialect: str
    operation: Operation
    model: str | None
    stream: bool
    app_retry: int
    route: str
    source: Source
    target: str
    status: int
    end: End
    outcome: Outcome
    kind: FailureKind | None
    fallback: bool
    degraded: str
    bytes_sent: int
    first_byte_s: float
    opened_at: float
    ended_at: float
    offset_s: float
    entries: tuple[Entry, ...]


def story_of(trace: Trace, event: CallEnded, journal: Journal, now: float, wall: float) -> Story:
    """The story of the call that `event` ends. `now` and `wall` are one moment on both clocks."""
    call: Call = event.call
    return Story(
        trace=trace,
        call_id=call.id,
        method=call.method,
        path=call.path.partition("?")[0],
        upstream=call.upstream,
        dialect=call.dialect,
        operation=call.operation,
        model=call.model,
        stream=call.stream,
        app_retry=app_retries(call.headers),
        route=event.route,
        source=event.source,
        target=event.target,
        status=event.status,
        end=event.end,
        outcome=outcome(event),
        kind=event.kind,
        fallback=event.fallback,
        degraded=event.degraded,
        bytes_sent=event.bytes_sent,
        first_byte_s=event.first_byte_s,
        opened_at=journal.opened_at,
        ended_at=now,
        offset_s=wall - now,
        entries=tuple(e for e in journal.entries if type(e.event) not in _WITH_CALL),
    )
