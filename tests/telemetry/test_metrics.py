from typing import get_args

from multidict import CIMultiDict
from prometheus_client.parser import text_string_to_metric_families

from proxy.core.event import (
    PASSTHROUGH,
    AttemptStarted,
    BreakerMoved,
    Bug,
    CacheLooked,
    CacheOutcome,
    CallEnded,
    CallStarted,
    Event,
    HealthMoved,
    ModelLoaded,
    NoRetry,
    PolicyLoaded,
    PolicyRefused,
    Probed,
    RetryRefused,
)
from proxy.core.failure import FailureKind
from proxy.core.reply import End, Source
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.series import MAX_SERIES, Counter, Histogram, Reading
from tests.calls import a_call
from tests.telemetry.calls import Telling, broken, plain, raced, resumed, saved

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _samples(metrics: Metrics) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"understudy_{name}", frozenset(labels.items())))


def _metrics() -> Metrics:
    return Metrics("1.2.3", (Reading("log_lines_dropped_total", "Dropped.", lambda: 3),))


def test_hosts_of_no_upstream_are_one_in_metrics() -> None:
    """Their names are of requests: an app could make thousands of series with them."""
    metrics = _metrics()
    for number in range(3):
        call = a_call(
            upstream=f"host-{number}.test", headers=CIMultiDict({"x-stainless-retry-count": "1"})
        )
        metrics.hear(CallStarted(call, PASSTHROUGH))
        told = Telling(lambda event, journal: None)
        told.ends()
        ended = told.journal.entries[-1].event
        assert isinstance(ended, CallEnded)
        metrics.hear(ended._replace(call=call, route=PASSTHROUGH, target=call.upstream))
    assert "host-" not in metrics.text().decode()
    answered = {"target": PASSTHROUGH, "source": "upstream", "fallback": "false"}
    assert _value(_samples(metrics), "answers_total", **answered) == 3


def test_a_call_that_was_saved_is_told_of_in_every_metric_it_concerns() -> None:
    metrics = _metrics()
    saved(lambda event, journal: metrics.hear(event))
    samples = _samples(metrics)
    of_call = {"upstream": "openai", "operation": "chat"}
    assert (
        _value(
            samples,
            "requests_total",
            **of_call,
            route="chat",
            source="upstream",
            outcome="complete",
        )
        == 1
    )
    ended = {"target": "openrouter", "source": "upstream", "fallback": "true"}
    assert _value(samples, "answers_total", **ended) == 1
    assert _value(samples, "attempts_total", target="openai", outcome="rate_limit") == 2
    assert _value(samples, "attempts_total", target="openrouter", outcome="ok") == 1
    assert _value(samples, "retries_total", target="openai", kind="rate_limit") == 1
    fell = {"from": "openai", "to": "openrouter", "kind": "rate_limit"}
    assert _value(samples, "fallbacks_total", **fell) == 1
    assert _value(samples, "passed_over_total", target="azure", reason="circuit_open") == 1
    assert _value(samples, "tokens_total", direction="output") == 20
    assert _value(samples, "request_duration_seconds_count", **of_call) == 1
    assert _value(samples, "request_duration_seconds_sum", **of_call) == 4.0
    assert _value(samples, "first_byte_seconds_bucket", **of_call, le="2.5") == 0
    assert _value(samples, "first_byte_seconds_bucket", **of_call, le="5.0") == 1
    assert _value(samples, "attempt_duration_seconds_count", target="openai") == 2
    assert _value(samples, "in_flight_requests") == 0
    assert _value(samples, "build_info", version="1.2.3") == 1
    assert _value(samples, "log_lines_dropped_total") == 3
    assert ("process_cpu_seconds_total", frozenset()) in samples


def test_calls_under_way_are_counted_until_they_end() -> None:
    metrics = _metrics()
    told = Telling(lambda event, journal: metrics.hear(event))
    assert _value(_samples(metrics), "in_flight_requests") == 1
    told.ends()
    assert _value(_samples(metrics), "in_flight_requests") == 0


def test_what_no_call_told_of() -> None:
    metrics = _metrics()
    metrics.hear(BreakerMoved("openai", "closed", "open"))
    metrics.hear(BreakerMoved("openai", "open", "half_open"))
    metrics.hear(PolicyLoaded("aaa", ("a.yaml",)))
    metrics.hear(PolicyLoaded("bbb", ("a.yaml",)))
    metrics.hear(PolicyRefused(("a.yaml:1:1: no",)))
    metrics.hear(ModelLoaded("all-MiniLM-L6-v2", "numpy", 0.2))
    metrics.hear(CacheLooked(CacheOutcome.HIT))
    metrics.hear(Bug("route chat", ValueError()))
    broken(lambda event, journal: metrics.hear(event))
    samples = _samples(metrics)
    assert _value(samples, "breaker_state", upstream="openai") == 1
    assert _value(samples, "breaker_transitions_total", upstream="openai", to="open") == 1
    assert _value(samples, "policy_loads_total", outcome="loaded") == 2
    assert _value(samples, "policy_loads_total", outcome="refused") == 1
    assert _value(samples, "policy_info", digest="aaa") is None
    assert _value(samples, "policy_info", digest="bbb") == 1
    assert _value(samples, "model_loads_total", backend="numpy", outcome="loaded") == 1
    assert _value(samples, "bugs_total") == 1
    assert _value(samples, "cache_total", outcome="hit") == 1
    assert _value(samples, "stream_breaks_total", target="openai", kind="broken_stream") == 1


def test_all_that_is_done_beside_the_first_attempt_is_counted() -> None:
    metrics = _metrics()

    def hear(event: Event, journal: object) -> None:
        metrics.hear(event)

    raced(hear, headers={"x-stainless-retry-count": "1"})
    resumed(hear)
    for reason in NoRetry:
        metrics.hear(RetryRefused("openai", FailureKind.UNAVAILABLE, reason))
    samples = _samples(metrics)
    assert _value(samples, "attempts_total", target="openai", outcome="cancelled") == 1
    assert _value(samples, "attempts_total", target="azure", outcome="ok") == 2
    assert _value(samples, "attempt_duration_seconds_count", target="openai") == 1
    assert _value(samples, "hedges_total", **{"from": "openai", "to": "azure"}) == 1
    went_on = {"from": "openai", "to": "azure", "kind": "broken_stream"}
    assert _value(samples, "resumes_total", **went_on) == 1
    of_retry = {"target": "openai", "kind": "unavailable"}
    assert _value(samples, "retries_refused_total", **of_retry, reason="budget") == 1
    assert _value(samples, "retries_refused_total", **of_retry, reason="attempts") == 1
    assert _value(samples, "retries_refused_total", **of_retry, reason="time") == 1
    assert _value(samples, "app_retries_total", upstream="openai") == 1


def test_how_an_upstream_stands() -> None:
    metrics = _metrics()
    metrics.hear(HealthMoved("openai", False, "3 failures in a row"))
    metrics.hear(HealthMoved("azure", False, "3 failures in a row"))
    metrics.hear(HealthMoved("azure", True))
    metrics.hear(Probed("openai", 0.02, "no connection"))
    metrics.hear(Probed("openai", 0.02))
    metrics.hear(Probed("openai", 0.02))
    samples = _samples(metrics)
    assert _value(samples, "target_healthy", upstream="openai") == 0
    assert _value(samples, "target_healthy", upstream="azure") == 1
    assert _value(samples, "probes_total", upstream="openai", outcome="ok") == 2
    assert _value(samples, "probes_total", upstream="openai", outcome="failed") == 1
    assert _value(samples, "probe_duration_seconds_count", upstream="openai") == 3


def test_every_event_is_counted() -> None:
    """A call's start of an attempt is counted at its end."""
    heard = set(_metrics()._table())
    assert heard == set(get_args(Event)) - {AttemptStarted}


def test_counts_are_read_off_the_metrics() -> None:
    metrics = _metrics()

    def hear(event: object, journal: object) -> None:
        metrics.hear(event)  # type: ignore[arg-type]

    plain(hear)
    saved(hear)
    broken(hear)
    Telling(hear).ends("mock", source=Source.MOCK, fallback=True, degraded="all failed")
    Telling(hear).ends(status=400, kind=FailureKind.BAD_REQUEST)
    Telling(hear).ends(status=429, kind=FailureKind.RATE_LIMIT)
    Telling(hear).ends(end=End.ABANDONED)
    Telling(hear)
    counts = metrics.counts()
    assert (counts.total_requests, counts.failed, counts.in_flight) == (7, 2, 1)
    assert counts.success_rate == 1 - 2 / 7
    assert (counts.fallback_requests, counts.fallback_rate) == (2, 2 / 7)
    assert counts.targets_used == {"openai": 5, "openrouter": 1, "mock": 1}
    assert counts.sources == {"upstream": 6, "cache": 0, "stale": 0, "local": 0, "mock": 1}


def test_no_calls_have_gone_well() -> None:
    counts = _metrics().counts()
    assert (counts.success_rate, counts.fallback_rate) == (1.0, 0.0)


def test_label_sets_are_bounded() -> None:
    counter = Counter("c_total", "Counts.", "name")
    histogram = Histogram("h", "Sorts.", (1.0,), "name")
    for number in range(MAX_SERIES + 5):
        counter.add((str(number),))
        counter.add((str(number),))
        histogram.observe((str(number),), 0.5)
    assert len(counter.by("name")) == MAX_SERIES + 1
    assert counter.by("name")["other"] == 10
    assert len(histogram.family().samples) == (MAX_SERIES + 1) * 4
