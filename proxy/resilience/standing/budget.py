"""How much a provider is asked beyond what the app asked for: retries and hedges together."""

from proxy.core.clock import Clock
from proxy.policy.schema import Budget as Settings

SECONDS = 10
"""Of memory: long enough that a quiet second does not take away what a busy one before it gave."""


class Budget:
    """One upstream's extra calls. It outlives reloads: `settings` may be replaced at any time.

    Of the last `SECONDS` seconds (this one, as far as it has come, and the nine whole ones before)
    it counts requests, by `deposit`, and extra calls, by `withdraw`. One more extra call is allowed
    while, itself included,

        extras <= ratio * requests + min_per_second * SECONDS

    so that over any time at most `ratio` of the requests is added to them, beside the floor. The
    same rule as Finagle's RetryBudget, with a window in place of a bucket that leaks.
    """

    __slots__ = (
        "_clock",
        "_extras",
        "_extras_at",
        "_requests",
        "_requests_at",
        "_second",
        "settings",
    )

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.settings = settings
        self._clock = clock
        self._second = int(clock.now())
        self._requests_at = [0] * SECONDS
        self._extras_at = [0] * SECONDS
        self._requests = 0
        self._extras = 0

    def deposit(self) -> None:
        """The app asked for something: once for each of its requests."""
        self._requests_at[self._now()] += 1
        self._requests += 1

    def withdraw(self) -> bool:
        """Leave for one extra call, which then counts as made."""
        index = self._now()
        if self._extras + 1 > self._allowed:
            return False
        self._extras_at[index] += 1
        self._extras += 1
        return True

    @property
    def spent(self) -> float:
        """0..1: the share of what is allowed that was made use of; where nothing is allowed, 1."""
        self._now()
        return min(1.0, self._extras / self._allowed) if self._allowed else 1.0

    @property
    def _allowed(self) -> float:
        return self.settings.ratio * self._requests + self.settings.min_per_second * SECONDS

    def _now(self) -> int:
        """Where this second is counted, with all that are too old forgotten."""
        second = int(self._clock.now())
        if second != self._second:
            self._forget(second)
        return second % SECONDS

    def _forget(self, second: int) -> None:
        for passed in range(min(second - self._second, SECONDS)):
            index = (second - passed) % SECONDS
            self._requests -= self._requests_at[index]
            self._extras -= self._extras_at[index]
            self._requests_at[index] = self._extras_at[index] = 0
        self._second = second
