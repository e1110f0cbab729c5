"""What happened, as frozen records. Rooms announce them; `telemetry/` alone knows where they go.

An event never shows a key, a header or a body. Those that every call tells are named tuples: they
are made in a third of the time that a frozen dataclass takes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from proxy.core.clock import Clock
from proxy.core.failure import FailureKind

if TYPE_CHECKING:
    from proxy.core.call import Call
    from proxy.core.reply import End, Source


class CacheOutcome(StrEnum):
    HIT = "hit"
    MISS = "miss"
    STALE = "stale"
    STORED = "stored"
    BYPASSED = "bypassed"


class AttemptStarted(NamedTuple):
    """A provider is about to be called. `number` counts from 1 over all targets of the call."""

    target: str
    number: int
    model: str | None
    span_id: int


class AttemptEnded(NamedTuple):
    """The provider began a usable answer (`kind` is None) or failed. `duration_s` until then."""

    target: str
    number: int
    duration_s: float
    status: int | None = None
    kind: FailureKind | None = None
    message: str = ""
    retry_after_s: float | None = None


class PassedOver(NamedTuple):
    """A target was not asked: it cannot do this call, or its breaker is open."""

    target: str
    reason: str
    kind: FailureKind | None = None


class Retrying(NamedTuple):
    """The same target is asked again after `wait_s`."""

    target: str
    kind: FailureKind
    wait_s: float


class FellBack(NamedTuple):
    """The next target takes over from one that failed."""

    origin: str
    target: str
    kind: FailureKind


class CacheLooked(NamedTuple):
    """The cache was asked, or took an answer in."""

    outcome: CacheOutcome
    age_s: float = 0.0


class StreamBroke(NamedTuple):
    """An answer failed after its first chunk was on its way to the app."""

    target: str
    kind: FailureKind
    message: str


class UsageSeen(NamedTuple):
    """Tokens as the provider counts them."""

    input_tokens: int | None
    output_tokens: int | None


class CallStarted(NamedTuple):
    """A request was understood and is about to be served."""

    call: "Call"
    route: str

    def __repr__(self) -> str:  # a call has headers, and so keys
        return f"CallStarted({self.call.id}, route={self.route!r})"


class CallEnded(NamedTuple):
    """The last byte of an answer was sent, or it ended otherwise. `bytes_sent` is of the body."""

    call: "Call"
    route: str
    source: "Source"
    target: str
    status: int
    end: "End"
    fallback: bool
    degraded: str
    duration_s: float
    first_byte_s: float
    bytes_sent: int
    kind: FailureKind | None = None

    def __repr__(self) -> str:  # a call has headers, and so keys
        return f"CallEnded({self.call.id}, status={self.status}, end={self.end})"


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """An upstream's breaker changed its state: closed, open or half_open."""

    upstream: str
    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PolicyLoaded:
    """A policy set came into force."""

    digest: str
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyRefused:
    """A changed policy set is wrong; the last good one stays in force."""

    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A local embedding model is ready, or could not be loaded (`error`)."""

    model: str
    backend: str
    duration_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Bug:
    """An exception of ours that is no Failure: never retried, never blamed on a provider."""

    where: str
    error: BaseException = field(repr=False)


CallEvent = (
    AttemptStarted
    | AttemptEnded
    | PassedOver
    | Retrying
    | FellBack
    | CacheLooked
    | StreamBroke
    | UsageSeen
    | CallStarted
    | CallEnded
    | Bug
)
ProcessEvent = BreakerMoved | PolicyLoaded | PolicyRefused | ModelLoaded
Event = CallEvent | ProcessEvent

Hear = Callable[[Event, "Journal | None"], None]
"""Who is told of an event as it happens; the journal is that of the call it belongs to, if any.
It must not wait and must not raise."""


class Entry(NamedTuple):
    """An event and when it was told, on `Clock.now`."""

    at: float
    event: CallEvent


_MAY_FAIL = (AttemptEnded, PassedOver)


class Journal:
    """The account of one call, in order: its marks, its trace and its error body come from it.

    `attempts` counts provider calls, `failures` those that failed and targets held back.
    """

    __slots__ = ("_clock", "_hear", "attempts", "call_id", "entries", "failures", "opened_at")

    def __init__(self, call_id: str, clock: Clock, hear: Hear) -> None:
        self.call_id = call_id
        self.attempts = 0
        self.failures = 0
        self.entries: list[Entry] = []
        self._clock = clock
        self._hear = hear
        self.opened_at = clock.now()

    def tell(self, event: CallEvent) -> None:
        if type(event) is AttemptStarted:
            self.attempts += 1
        elif isinstance(event, _MAY_FAIL) and event.kind is not None:
            self.failures += 1
        self.entries.append(Entry(self._clock.now(), event))
        self._hear(event, self)
