"""What can go wrong with a call, in one vocabulary.

`FailureKind` is the word in policy files, logs, metrics, traces, pages and error bodies. The table
`TRAITS` says of each kind what follows from it. To add a kind: a word in `FailureKind`, a line in
`TRAITS`, and its advice in `telemetry.advice`; a test misses either.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proxy.core.headers import Headers


class FailureKind(StrEnum):
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    AUTH = "auth"
    UNAVAILABLE = "unavailable"
    TIMEOUT_CONNECT = "timeout.connect"
    TIMEOUT_FIRST_BYTE = "timeout.first_byte"
    TIMEOUT_IDLE = "timeout.idle"
    TIMEOUT_TOTAL = "timeout.total"
    NETWORK = "network"
    BROKEN_STREAM = "broken_stream"
    MALFORMED = "malformed"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    BAD_REQUEST = "bad_request"
    CIRCUIT_OPEN = "circuit_open"
    LIMIT = "limit"


class Hop(StrEnum):
    """What went wrong on the way to a target, where that is known more exactly than by the kind: in
    the words of RFC 9209 2.3."""

    DNS_ERROR = "dns_error"
    REFUSED = "connection_refused"
    TERMINATED = "connection_terminated"
    UNROUTABLE = "destination_ip_unroutable"
    PROHIBITED = "destination_ip_prohibited"
    TLS_CERTIFICATE = "tls_certificate_error"
    TLS_PROTOCOL = "tls_protocol_error"


class Traits(NamedTuple):
    """What follows from a kind, unless the policy says otherwise."""

    elsewhere: bool  # another target may do better
    blame: bool  # it counts against the target: its breaker and its health
    stale: bool  # a stored answer past its time may stand in
    status: int  # what the app sees when there is no answer of a provider to pass on
    weight: int  # which failure of several tells the app best what to do: the heaviest
    meaning: str


_T, _F = True, False
# fmt: off
TRAITS: dict[FailureKind, Traits] = {
    #                                      else blame stale status weight
    FailureKind.RATE_LIMIT:         Traits(_T, _F, _T, 429, 60, "too many requests for now"),
    FailureKind.QUOTA:              Traits(_T, _T, _F, 429, 50, "the account has no credit"),
    FailureKind.AUTH:               Traits(_T, _T, _F, 401, 55, "the key was refused"),
    FailureKind.UNAVAILABLE:        Traits(_T, _T, _T, 503, 40, "5xx, or overloaded"),
    FailureKind.TIMEOUT_CONNECT:    Traits(_T, _T, _T, 504, 30, "no connection in time"),
    FailureKind.TIMEOUT_FIRST_BYTE: Traits(_T, _T, _T, 504, 30, "no useful chunk in time"),
    FailureKind.TIMEOUT_IDLE:       Traits(_T, _T, _T, 504, 30, "the stream fell silent"),
    FailureKind.TIMEOUT_TOTAL:      Traits(_T, _T, _T, 504, 30, "no whole answer in time"),
    FailureKind.NETWORK:            Traits(_T, _T, _T, 502, 30, "refused, reset, no address"),
    FailureKind.BROKEN_STREAM:      Traits(_T, _T, _T, 502, 30, "the answer was cut"),
    FailureKind.MALFORMED:          Traits(_T, _T, _T, 502, 30, "no answer of this API"),
    FailureKind.MODEL_NOT_FOUND:    Traits(_T, _F, _F, 404, 70, "the target has no such model"),
    FailureKind.CONTEXT_LENGTH:     Traits(_T, _F, _F, 400, 80, "too long for the model"),
    FailureKind.CONTENT_FILTER:     Traits(_F, _F, _F, 400, 90, "the provider will not answer"),
    FailureKind.BAD_REQUEST:        Traits(_F, _F, _F, 400, 90, "the caller's own mistake"),
    FailureKind.CIRCUIT_OPEN:       Traits(_T, _F, _T, 503, 20, "the breaker is open"),
    FailureKind.LIMIT:              Traits(_T, _F, _T, 503, 20, "our own limit was reached"),
}
# fmt: on


def matches(word: str, kind: FailureKind) -> bool:
    """Whether a policy's `word` names `kind`: itself, its parent before the dot, or `all`."""
    return word == "all" or word == kind or kind.startswith(word + ".")


def expand(words: tuple[str, ...]) -> frozenset[FailureKind]:
    """All kinds that any of a policy's `words` names."""
    return frozenset(kind for kind in FailureKind for word in words if matches(word, kind))


WORDS: tuple[str, ...] = (
    "all",
    "timeout",
    *(kind.value for kind in FailureKind),
)
"""Every word that a policy may use for failures."""

ELSEWHERE: frozenset[FailureKind] = frozenset(
    kind for kind, traits in TRAITS.items() if traits.elsewhere
)
"""A target's `on` where the policy gives none."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider's own error answer, whole, kept so that it can go through unchanged."""

    status: int
    headers: Headers
    body: bytes
    reason: str | None = None


class Failure(Exception):
    """Why a target did not answer. The one exception that the engine catches.

    `message` is fit for the app's eyes: no key, no body of a request. `sent` is False only when
    the provider cannot have seen the request. `retry_after_s` is the provider's own wish, and
    `should_retry` its word (`x-should-retry`) on whether the same request can do better. `in_band`
    says that the app was told within the stream already. `cause` is the kind of the failures for
    which a target was not asked at all. A `blameless` failure says nothing of its target: the
    app's patience was at its end. `hop` is what went wrong on the way, if that is known.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        target: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        sent: bool = True,
        refusal: Refusal | None = None,
        in_band: bool = False,
        should_retry: bool | None = None,
        cause: FailureKind | None = None,
        blameless: bool = False,
        hop: Hop | None = None,
    ) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.target = target
        self.status = status
        self.retry_after_s = retry_after_s
        self.sent = sent
        self.refusal = refusal
        self.in_band = in_band
        self.should_retry = should_retry
        self.cause = cause
        self.blameless = blameless
        self.hop = hop

    def __str__(self) -> str:
        where = f"{self.target}: " if self.target else ""
        status = f" ({self.status})" if self.status is not None else ""
        return f"{where}{self.kind.value}{status}: {self.message}"

    @property
    def traits(self) -> Traits:
        return TRAITS[self.kind]

    def leads(self, on: frozenset[FailureKind]) -> bool:
        """Whether a target with this `on` takes over: a breaker that quota failures have opened
        leads where `circuit_open` leads, and where `quota` does."""
        return self.kind in on or self.cause in on


class Unfit(Failure):
    """A target cannot do this call; nothing was sent, and it is passed over with the reason."""

    def __init__(
        self, reason: str, *, target: str = "", kind: FailureKind = FailureKind.BAD_REQUEST
    ) -> None:
        super().__init__(kind, reason, target=target, sent=False)


class Exhausted(Failure):
    """Every target of a route failed. `failures` has the last failure of each, in order."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        last = failures[-1]
        told = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
        super().__init__(
            last.kind,
            "; ".join(str(failure) for failure in failures),
            retry_after_s=min(told) if told else None,
            sent=any(failure.sent for failure in failures),
        )
        self.failures = failures
