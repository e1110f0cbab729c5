"""Event -> metric. Labels are words of the program and names from policies, never of a request."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from proxy.core.event import (
    AttemptEnded,
    BreakerMoved,
    Bug,
    CacheLooked,
    CallEnded,
    CallStarted,
    Event,
    FellBack,
    ModelLoaded,
    PassedOver,
    PolicyLoaded,
    PolicyRefused,
    Retrying,
    StreamBroke,
    UsageSeen,
)
from proxy.telemetry.counts import Counts, count
from proxy.telemetry.outcome import outcome
from proxy.telemetry.series import Counter, Gauge, Histogram, Reading, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# A token is due within tens of milliseconds, a thinking model's answer within minutes.
_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0)
_S = TypeVar("_S", Counter, Gauge, Histogram)
_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


class Metrics:
    """All numbers of this process since it started. Counted and read on one event loop."""

    def __init__(self, version: str, readings: tuple[Reading, ...] = ()) -> None:
        self._series: list[Series] = [*readings]
        self._in_flight = self._gauge("in_flight_requests", "Calls that have not ended.")
        self._calls = self._counter(
            "requests_total",
            "Calls that ended, and how.",
            *("upstream", "route", "operation", "source", "outcome"),
        )
        self._answers = self._counter(
            "answers_total", "Calls that ended, and who answered.", "target", "source", "fallback"
        )
        self._duration = self._histogram(
            "request_duration_seconds", "Until the last byte.", "upstream", "operation"
        )
        self._first_byte = self._histogram(
            "first_byte_seconds", "Until the first byte of an answer.", "upstream", "operation"
        )
        self._attempts = self._counter(
            "attempts_total", "Calls of providers: ok, or what failed.", "target", "outcome"
        )
        self._attempt_duration = self._histogram(
            "attempt_duration_seconds", "Until a usable answer began, or a failure.", "target"
        )
        self._retries = self._counter(
            "retries_total", "Same target asked again, after what.", "target", "kind"
        )
        self._fallbacks = self._counter(
            "fallbacks_total", "One target answered for another.", "from", "to", "kind"
        )
        self._passed_over = self._counter(
            "passed_over_total", "Targets not asked: unfit, or why.", "target", "reason"
        )
        self._stream_breaks = self._counter(
            "stream_breaks_total", "Answers cut after they began.", "target", "kind"
        )
        self._tokens = self._counter("tokens_total", "As providers count them.", "direction")
        self._cache = self._counter("cache_total", "What the cache did.", "outcome")
        self._breakers = self._gauge(
            "breaker_state", "0 closed, 1 half open, 2 open; absent: never moved.", "upstream"
        )
        self._moves = self._counter(
            "breaker_transitions_total", "Changes of state.", "upstream", "to"
        )
        self._policies = self._counter("policy_loads_total", "Policy sets read.", "outcome")
        self._policy = self._gauge("policy_info", "The policy set in force.", "digest")
        self._models = self._counter(
            "model_loads_total", "Local embedding models loaded.", "backend", "outcome"
        )
        self._bugs = self._counter("bugs_total", "Exceptions of ours; the log has them.")
        self._gauge("build_info", "What runs here.", "version").put((version,), 1)
        self._open = 0
        self._notes = self._table()
        self._in_flight.put((), 0)
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self._series))
        ProcessCollector(registry=self._registry)

    def hear(self, event: Event) -> None:
        note = self._notes.get(type(event))
        if note is not None:
            note(event)

    def _table(self) -> dict[type, Callable[[Any], None]]:
        """What is counted of each event. A call's start of an attempt is counted at its end."""
        return {
            CallStarted: self._started,
            AttemptEnded: self._attempted,
            UsageSeen: self._used,
            CallEnded: self._ended,
            CacheLooked: lambda event: self._cache.add((str(event.outcome),)),
            Retrying: lambda event: self._retries.add((event.target, str(event.kind))),
            FellBack: lambda event: self._fallbacks.add(
                (event.origin, event.target, str(event.kind))
            ),
            PassedOver: lambda event: self._passed_over.add(
                (event.target, "unfit" if event.kind is None else str(event.kind))
            ),
            StreamBroke: lambda event: self._stream_breaks.add((event.target, str(event.kind))),
            BreakerMoved: self._moved,
            PolicyLoaded: self._loaded,
            PolicyRefused: lambda event: self._policies.add(("refused",)),
            Bug: lambda event: self._bugs.add(()),
            ModelLoaded: lambda event: self._models.add(
                (event.backend, "failed" if event.error else "loaded")
            ),
        }

    def _started(self, event: CallStarted) -> None:
        self._open += 1

    def _attempted(self, event: AttemptEnded) -> None:
        result = "ok" if event.kind is None else str(event.kind)
        self._attempts.add((event.target, result))
        self._attempt_duration.observe((event.target,), event.duration_s)

    def _used(self, event: UsageSeen) -> None:
        if event.input_tokens:
            self._tokens.add(("input",), event.input_tokens)
        if event.output_tokens:
            self._tokens.add(("output",), event.output_tokens)

    def _moved(self, event: BreakerMoved) -> None:
        self._breakers.put((event.upstream,), _BREAKER_STATES[event.after])
        self._moves.add((event.upstream, event.after))

    def _loaded(self, event: PolicyLoaded) -> None:
        self._policies.add(("loaded",))
        self._policy.only((event.digest,), 1)

    def _ended(self, event: CallEnded) -> None:
        call = event.call
        self._open -= 1
        source, operation = str(event.source), str(call.operation)
        self._calls.add((call.upstream, event.route, operation, source, str(outcome(event))))
        self._answers.add((event.target, source, "true" if event.fallback else "false"))
        self._duration.observe((call.upstream, operation), event.duration_s)
        self._first_byte.observe((call.upstream, operation), event.first_byte_s)

    def counts(self) -> Counts:
        return count(self._calls, self._answers, self._open)

    def text(self) -> bytes:
        """Everything in Prometheus' text form, of CONTENT_TYPE."""
        self._in_flight.put((), self._open)
        return generate_latest(self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return self._kept(Counter(name, meaning, *labels))

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return self._kept(Gauge(name, meaning, *labels))

    def _histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        return self._kept(Histogram(name, meaning, _BOUNDS_S, *labels))

    def _kept(self, series: _S) -> _S:
        self._series.append(series)
        return series


class _Families(Collector):
    """Shows the series to prometheus_client."""

    def __init__(self, series: list[Series]) -> None:
        self._series = series

    def collect(self) -> Iterator[Metric]:
        for series in self._series:
            yield series.family()
