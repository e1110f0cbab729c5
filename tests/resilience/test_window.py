"""Counts of the last seconds."""

from itertools import pairwise

from proxy.resilience.window import BUCKETS, Window
from tests.clock import FalseClock


def test_it_counts() -> None:
    window = Window(FalseClock(), 30.0)
    window.success()
    window.failure()
    window.failure()
    assert window.counts() == (1, 2)
    window.clear()
    assert window.counts() == (0, 0)


def test_it_forgets_what_is_older_than_it_is_long() -> None:
    clock = FalseClock()
    window = Window(clock, 30.0)
    window.failure()
    clock.pass_time(26.9)
    assert window.counts() == (0, 1), "a tenth of it may be lost to the buckets, not more"
    clock.pass_time(3.2)
    assert window.counts() == (0, 0)


def test_it_forgets_smoothly() -> None:
    clock = FalseClock()
    window = Window(clock, 10.0)
    for _ in range(10):
        window.failure()
        clock.pass_time(1.0)
    seen = []
    for _ in range(11):
        seen.append(window.counts()[1])
        clock.pass_time(1.0)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] >= 9
    assert seen[-1] == 0
    assert max(a - b for a, b in pairwise(seen)) <= 2


def test_a_long_pause_forgets_everything_at_once() -> None:
    clock = FalseClock()
    window = Window(clock, 1.0)
    window.success()
    clock.pass_time(1e6)
    assert window.counts() == (0, 0)
    window.failure()
    assert window.counts() == (0, 1)


def test_memory_does_not_grow() -> None:
    clock = FalseClock()
    window = Window(clock, 1.0)
    for _ in range(1000):
        window.success()
        clock.pass_time(0.01)
    assert len(window._succeeded) == len(window._failed) == BUCKETS
    assert window.counts()[0] <= 101
