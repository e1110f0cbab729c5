"""What happened, as frozen records. Rooms announce them; `telemetry/` alone knows where they go.

An event never shows a key, a header or a body. Those that every call tells are named tuples: they
are made in a third of the time that a frozen dataclass takes.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from proxy.core.failure import FailureKind, Hop
from proxy.core.reply import End, Source

if TYPE_CHECKING:  # a call keeps the journal of its events, and two of them name the call
    from proxy.core.call import Call


class CacheOutcome(StrEnum):
    HIT = "hit"
    MISS = "miss"
    STALE = "stale"
    STORED = "stored"
    BYPASSED = "bypassed"


class NoRetry(StrEnum):
    """Why another attempt was not made."""

    BUDGET = "budget"  # retries and hedges have had their share of the target's calls
    ATTEMPTS = "attempts"  # as many as the policy allows were made
    KIND = "kind"  # the policy, or the provider, wants no retries after such failures
    TIME = "time"  # it would come too late: for the call, or for what the policy waits


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
    hop: Hop | None = None


class AttemptCancelled(NamedTuple):
    """A provider's answer was no longer wanted: another was faster, or the app hung up."""

    target: str
    number: int
    duration_s: float


class PassedOver(NamedTuple):
    """A target was not asked: for a failure of `kind` that is known already, or because it cannot
    do this call (`unfit`: the kind of its Unfit)."""

    target: str
    reason: str
    kind: FailureKind | None = None
    unfit: FailureKind | None = None


class Retrying(NamedTuple):
    """The same target is asked again after `wait_s`."""

    target: str
    kind: FailureKind
    wait_s: float


class RetryRefused(NamedTuple):
    """After a failure of `kind` the same target would have been asked again, and was not."""

    target: str
    kind: FailureKind
    reason: NoRetry


class Hedged(NamedTuple):
    """`target` is asked too, while `origin` has not begun to answer after `waited_s`."""

    origin: str
    target: str
    waited_s: float


class Resumed(NamedTuple):
    """A stream of `origin` broke, and `target` went on where it had ended."""

    origin: str
    target: str
    kind: FailureKind


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
    """Tokens as the provider counts them. `target` is empty where it has not been said yet."""

    input_tokens: int | None
    output_tokens: int | None
    target: str = ""


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
    source: Source
    target: str
    status: int
    end: End
    fallback: bool
    degraded: str
    duration_s: float
    first_byte_s: float
    bytes_sent: int
    kind: FailureKind | None = None

    def __repr__(self) -> str:  # a call has headers, and so keys
        return f"CallEnded({self.call.id}, status={self.status}, end={self.end})"


PASSTHROUGH = "passthrough"
"""The route of calls to hosts of no upstream, and the one name that all of those have in metrics:
there is no end to their own."""

BY_HAND = "by hand"
"""The reason of what an operator did."""


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """An upstream's breaker changed its state: closed, open or half_open."""

    upstream: str
    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HealthMoved:
    """An upstream became unhealthy (`reason`: its failures), or healthy again."""

    upstream: str
    healthy: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """An upstream was asked something cheap to see how it is. `error` is empty where it is well."""

    upstream: str
    duration_s: float
    error: str = ""


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
class TurnedAway:
    """Somebody was not served: no request, a forbidden place, too many at once. `face` is the way
    in, `reason` one of few words for a metric, `message` what the client was told."""

    face: str
    status: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Tunnelled:
    """A connection that was carried without being read has ended. `error` is empty where both
    sides ended it."""

    authority: str
    face: str
    up_bytes: int
    down_bytes: int
    duration_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class CertificateRefused:
    """A client does not trust our certificate for `host`; told once for each host. `tunnelled`:
    from now on its connections are carried blind. Where it is not `certain`, clients just left."""

    host: str
    told: str
    tunnelled: bool
    certain: bool = True


@dataclass(frozen=True, slots=True)
class AuthorityIssued:
    """The local CA got a certificate: its first, or another for more hosts or another year; or it
    could not get one (`error`)."""

    path: str
    hosts: tuple[str, ...]
    renewed: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Bug:
    """An exception of ours that is no Failure: never retried, never blamed on a provider."""

    where: str
    error: BaseException = field(repr=False)


CallEvent = (
    AttemptStarted
    | AttemptEnded
    | AttemptCancelled
    | PassedOver
    | Retrying
    | RetryRefused
    | Hedged
    | Resumed
    | FellBack
    | CacheLooked
    | StreamBroke
    | UsageSeen
    | CallStarted
    | CallEnded
    | Bug
)
ProcessEvent = (
    BreakerMoved
    | HealthMoved
    | Probed
    | PolicyLoaded
    | PolicyRefused
    | ModelLoaded
    | TurnedAway
    | Tunnelled
    | CertificateRefused
    | AuthorityIssued
)
Event = CallEvent | ProcessEvent
