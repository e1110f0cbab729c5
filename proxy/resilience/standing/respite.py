"""How long an upstream is left alone."""

from math import inf

from proxy.core.clock import Clock

LONGEST_HINT_S = 3600.0
"""A provider's wish to be left alone is obeyed for no longer than this: a probe an hour costs it
nothing, and a date that is wrong would cost us the provider."""


class Respite:
    """The time that an open breaker stays open. What the provider itself says of when to come back
    lengthens it, whenever that was said; nothing shortens it."""

    __slots__ = ("_clock", "_not_before", "_over_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._over_at = -inf
        self._not_before = -inf

    def begin(self, open_s: float) -> None:
        self._over_at = max(self._clock.now() + open_s, self._not_before)

    def hint(self, retry_after_s: float) -> None:
        """The provider wishes to be left alone for so long from now on."""
        until = self._clock.now() + min(retry_after_s, LONGEST_HINT_S)
        self._not_before = max(self._not_before, until)
        self._over_at = max(self._over_at, until)

    def forget_hints(self) -> None:
        """It has answered since: what it said before is over. What has begun goes on."""
        self._not_before = -inf

    @property
    def left_s(self) -> float:
        """Seconds until it is over; 0 when it is."""
        return max(0.0, self._over_at - self._clock.now())
