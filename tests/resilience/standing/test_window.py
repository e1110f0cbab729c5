"""Counts of the last seconds."""

from itertools import pairwise

import pytest

from proxy.resilience.standing.window import BUCKETS, Counts, Window
from tests.clock import FalseClock


def test_it_counts() -> None:
    window = Window(FalseClock(), 30.0)
    window.note()
    window.note(failed=True)
    window.note(slow=True)
    window.note(failed=True, slow=True)
    window.note(failed=True)
    assert window.counts() == Counts(calls=5, failed=3, slow=2)
    window.clear()
    assert window.counts() == Counts(0, 0, 0)


def test_it_forgets_what_is_older_than_it_is_long() -> None:
    clock = FalseClock()
    window = Window(clock, 30.0)
    window.note(failed=True)
    clock.pass_time(26.9)
    assert window.counts().failed == 1, "a tenth of it may be lost to the buckets, not more"
    clock.pass_time(3.2)
    assert window.counts() == Counts(0, 0, 0)


def test_it_forgets_smoothly() -> None:
    clock = FalseClock()
    window = Window(clock, 10.0)
    for _ in range(10):
        window.note(failed=True)
        clock.pass_time(1.0)
    seen = []
    for _ in range(11):
        seen.append(window.counts().failed)
        clock.pass_time(1.0)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] >= 9
    assert seen[-1] == 0
    assert max(a - b for a, b in pairwise(seen)) <= 2


def test_a_long_pause_forgets_everything_at_once() -> None:
    clock = FalseClock()
    window = Window(clock, 1.0)
    window.note()
    clock.pass_time(1e6)
    assert window.counts() == Counts(0, 0, 0)
    window.note(failed=True)
    assert window.counts().failed == 1


def test_memory_does_not_grow() -> None:
    clock = FalseClock()
    window = Window(clock, 1.0)
    for _ in range(1000):
        window.note()
        clock.pass_time(0.01)
    assert len(window._calls) == len(window._failed) == len(window._slow) == BUCKETS
    assert window.counts().calls <= 101


@pytest.mark.parametrize("length_s", [3.0, 10.0, 15.0, 60.0, 3600.0])
def test_in_another_length_it_knows_what_it_knew(length_s: float) -> None:
    clock = FalseClock()
    window = Window(clock, 30.0)
    for _ in range(10):
        window.note(failed=True, slow=True)
        clock.pass_time(3.0)
    other = window.resized(length_s)
    known = other.counts()
    assert known.calls == known.failed == known.slow
    expected = 9 if length_s >= 30.0 else length_s / 3.0
    assert abs(known.calls - expected) <= 1
    clock.pass_time(length_s)
    assert other.counts() == Counts(0, 0, 0), "and forgets it in its turn"
