"""Outcomes of the last seconds, counted in buckets."""

from typing import NamedTuple

from proxy.core.clock import Clock

BUCKETS = 10
"""A window moves in tenths of its length: fine enough to forget smoothly, small enough to sum."""


class Counts(NamedTuple):
    """Calls that ended, and how many of them failed and were slow. Some did both."""

    calls: int
    failed: int
    slow: int


class Window:
    """How the calls of the last `length_s` seconds ended. Memory does not grow."""

    __slots__ = ("_at", "_calls", "_clock", "_ends_at", "_failed", "_index", "_length_s", "_slow")

    def __init__(self, clock: Clock, length_s: float) -> None:
        self._clock = clock
        self._length_s = length_s
        self.clear()

    def clear(self) -> None:
        self._at = self._index = 0
        self._ends_at = 0.0
        self._calls = [0] * BUCKETS
        self._failed = [0] * BUCKETS
        self._slow = [0] * BUCKETS

    def resized(self, length_s: float) -> "Window":
        """What this window knows, in one of another length."""
        self._move()
        other = Window(self._clock, length_s)
        other._move()
        for age in range(BUCKETS):
            age_there = int(age * self._length_s / length_s)
            if age_there < BUCKETS:
                here, there = (self._index - age) % BUCKETS, (other._index - age_there) % BUCKETS
                other._calls[there] += self._calls[here]
                other._failed[there] += self._failed[here]
                other._slow[there] += self._slow[here]
        return other

    def note(self, *, failed: bool = False, slow: bool = False) -> None:
        if self._clock.now() >= self._ends_at:
            self._move()
        index = self._index
        self._calls[index] += 1
        if failed:
            self._failed[index] += 1
        if slow:
            self._slow[index] += 1

    def counts(self) -> Counts:
        self._move()
        return Counts(sum(self._calls), sum(self._failed), sum(self._slow))

    def _move(self) -> None:
        """On to the bucket of this moment, with all that are older than the window emptied."""
        at = int(self._clock.now() * BUCKETS / self._length_s)
        for passed in range(min(at - self._at, BUCKETS)):
            index = (at - passed) % BUCKETS
            self._calls[index] = self._failed[index] = self._slow[index] = 0
        self._at, self._index = at, at % BUCKETS
        self._ends_at = (at + 1) * self._length_s / BUCKETS
