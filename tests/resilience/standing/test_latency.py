"""How soon an upstream begins to answer."""

import random

import pytest

from proxy.resilience.standing.latency import ENOUGH, SAMPLES, Latency


def _noted(*durations_s: float) -> Latency:
    latency = Latency()
    for duration_s in durations_s:
        latency.note(duration_s)
    return latency


def test_of_few_answers_it_says_nothing_but_their_average() -> None:
    latency = _noted()
    assert (latency.p95_s, latency.least_s, latency.average_s) == (None, None, None)
    latency = _noted(*[0.5] * (ENOUGH - 1))
    assert (latency.p95_s, latency.least_s) == (None, None)
    assert latency.average_s == pytest.approx(0.5)
    latency.note(0.5)
    assert (latency.p95_s, latency.least_s) == (0.5, 0.5)


def test_nineteen_of_twenty_began_within_the_quantile() -> None:
    latency = _noted(*[index / 10 for index in range(20)])
    assert latency.p95_s == 1.8
    assert latency.least_s == 0.0
    durations_s = [index / 100 for index in range(100)]
    random.Random(1).shuffle(durations_s)
    assert _noted(*durations_s).p95_s == 0.94


def test_one_that_is_slow_moves_no_quantile() -> None:
    assert _noted(*[0.1] * 19, 60.0).p95_s == 0.1
    assert _noted(*[0.1] * 18, 60.0, 60.0).p95_s == 60.0


def test_it_follows_the_latest_and_forgets_the_rest() -> None:
    latency = _noted(0.001, *[0.1] * 50)
    assert latency.least_s == 0.001
    for _ in range(SAMPLES):
        latency.note(3.0)
    assert (latency.p95_s, latency.least_s) == (3.0, 3.0)
    assert latency.average_s == pytest.approx(3.0, rel=0.01)


def test_what_was_worked_out_stands_until_a_sixteenth_is_new() -> None:
    latency = _noted(*[0.1] * SAMPLES)
    assert latency.least_s == 0.1
    for _ in range(SAMPLES // 16 - 1):
        latency.note(0.01)
    assert latency.least_s == 0.1
    latency.note(0.01)
    assert latency.least_s == 0.01


def test_the_average_begins_at_the_first_and_follows_the_last() -> None:
    latency = _noted(0.2)
    assert latency.average_s == pytest.approx(0.2)
    latency.note(1.2)
    assert latency.average_s == pytest.approx(0.3)
