"""The numbers of targets: what was asked of them, what became of it, and how they stand."""

from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    BreakerMoved,
    FellBack,
    HealthMoved,
    Hedged,
    PassedOver,
    Probed,
    Resumed,
    Retrying,
    RetryRefused,
    StreamBroke,
)
from proxy.telemetry.shelf import Shelf

_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


class TargetNumbers:
    """Counts attempts, and all that is done beside and instead of them, on the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._attempts = shelf.counter(
            "attempts_total",
            "Calls of providers: ok, cancelled, or what failed.",
            "target",
            "outcome",
        )
        self._attempt_duration = shelf.histogram(
            "attempt_duration_seconds", "Until a usable answer began, or a failure.", "target"
        )
        self._retries = shelf.counter(
            "retries_total", "Same target asked again, after what.", "target", "kind"
        )
        self._retries_refused = shelf.counter(
            "retries_refused_total",
            "Same target not asked again: its budget or the attempts were used up, or the time.",
            *("target", "kind", "reason"),
        )
        self._hedges = shelf.counter(
            "hedges_total", "A target asked beside one that had not answered.", "from", "to"
        )
        self._fallbacks = shelf.counter(
            "fallbacks_total", "One target answered for another.", "from", "to", "kind"
        )
        self._passed_over = shelf.counter(
            "passed_over_total", "Targets not asked: unfit, or why.", "target", "reason"
        )
        self._stream_breaks = shelf.counter(
            "stream_breaks_total", "Answers cut after they began.", "target", "kind"
        )
        self._resumes = shelf.counter(
            "resumes_total",
            "Broken streams that another target went on with.",
            "from",
            "to",
            "kind",
        )
        self._breakers = shelf.gauge(
            "breaker_state", "0 closed, 1 half open, 2 open; absent: never moved.", "upstream"
        )
        self._moves = shelf.counter(
            "breaker_transitions_total", "Changes of state.", "upstream", "to"
        )
        self._healthy = shelf.gauge(
            "target_healthy", "1 healthy, 0 not; absent: always was.", "upstream"
        )
        self._probes = shelf.counter(
            "probes_total", "Cheap calls of our own: ok or failed.", "upstream", "outcome"
        )
        self._probe_duration = shelf.histogram(
            "probe_duration_seconds", "Until a probe was over.", "upstream"
        )

    def attempted(self, event: AttemptEnded) -> None:
        result = "ok" if event.kind is None else str(event.kind)
        self._attempts.add((event.target, result))
        self._attempt_duration.observe((event.target,), event.duration_s)

    def cancelled(self, event: AttemptCancelled) -> None:
        self._attempts.add((event.target, "cancelled"))

    def retried(self, event: Retrying) -> None:
        self._retries.add((event.target, str(event.kind)))

    def refused(self, event: RetryRefused) -> None:
        self._retries_refused.add((event.target, str(event.kind), str(event.reason)))

    def hedged(self, event: Hedged) -> None:
        self._hedges.add((event.origin, event.target))

    def fell_back(self, event: FellBack) -> None:
        self._fallbacks.add((event.origin, event.target, str(event.kind)))

    def passed_over(self, event: PassedOver) -> None:
        reason = "unfit" if event.kind is None else str(event.kind)
        self._passed_over.add((event.target, reason))

    def broke(self, event: StreamBroke) -> None:
        self._stream_breaks.add((event.target, str(event.kind)))

    def resumed(self, event: Resumed) -> None:
        self._resumes.add((event.origin, event.target, str(event.kind)))

    def breaker_moved(self, event: BreakerMoved) -> None:
        self._breakers.put((event.upstream,), _BREAKER_STATES[event.after])
        self._moves.add((event.upstream, event.after))

    def health_moved(self, event: HealthMoved) -> None:
        self._healthy.put((event.upstream,), int(event.healthy))

    def probed(self, event: Probed) -> None:
        self._probes.add((event.upstream, "failed" if event.error else "ok"))
        self._probe_duration.observe((event.upstream,), event.duration_s)
