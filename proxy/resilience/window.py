"""Outcomes of the last seconds, counted in buckets."""

from proxy.core.clock import Clock

BUCKETS = 10
"""A window moves in tenths of its length: fine enough to forget smoothly, small enough to sum."""


class Window:
    """How many calls of the last `length_s` seconds succeeded and failed. Memory does not grow."""

    __slots__ = ("_at", "_clock", "_failed", "_length_s", "_succeeded")

    def __init__(self, clock: Clock, length_s: float) -> None:
        self._clock = clock
        self._length_s = length_s
        self.clear()

    def clear(self) -> None:
        self._at = 0
        self._succeeded = [0] * BUCKETS
        self._failed = [0] * BUCKETS

    def _bucket(self) -> int:
        """The bucket of this moment, with all that are older than the window emptied."""
        at = int(self._clock.now() * BUCKETS / self._length_s)
        for passed in range(min(at - self._at, BUCKETS)):
            index = (at - passed) % BUCKETS
            self._succeeded[index] = self._failed[index] = 0
        self._at = at
        return at % BUCKETS

    def success(self) -> None:
        self._succeeded[self._bucket()] += 1

    def failure(self) -> None:
        self._failed[self._bucket()] += 1

    def counts(self) -> tuple[int, int]:
        """Calls that succeeded and calls that failed."""
        self._bucket()
        return sum(self._succeeded), sum(self._failed)
