"""How many calls an upstream has at once, and who waits for a place among them."""

import asyncio
from collections import OrderedDict

from proxy.core.clock import Clock
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Limit as Settings

QUEUE = 1000
"""Calls that wait for one upstream at most. Each holds a request's body and a connection of the
app, and who comes after so many would not have its turn within any wait worth the name."""


class Places:
    """The places at one upstream, `settings.concurrency` in number; None: as many as come.

    Who comes first is served first. It outlives reloads: `settings` may be replaced at any time,
    and who waits is let in when there is more room at once.
    """

    __slots__ = ("_clock", "_queue", "_settings", "_upstream", "in_use")

    def __init__(self, upstream: str, clock: Clock, settings: Settings) -> None:
        self._upstream = upstream
        self._clock = clock
        self._settings = settings
        self._queue: OrderedDict[asyncio.Future[bool], float] = OrderedDict()  # since when
        self.in_use = 0

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._let_in()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def take_now(self) -> bool:
        """A place, to be given back by `give` once, if there is one at this moment."""
        if not self._free():
            return False
        self.in_use += 1  # nobody waits where there is room
        return True

    async def take(self, until: float) -> None:
        """A place, to be given back by `give` once. Failure(limit) when there is none within
        `settings.wait`, or by `until` on `Clock.now`, or when too many wait already; then, and when
        cancelled, nothing is held."""
        if self.take_now():
            return
        now = self._clock.now()
        wait_s = min(self._settings.wait, until - now)
        if wait_s <= 0.0:
            raise self._refusal("it has as many calls at once as it may", 0.0)
        if len(self._queue) >= QUEUE:
            oldest = next(iter(self._queue.values()))
            raise self._refusal(f"{QUEUE} calls wait for it already", now - oldest)
        if not await self._turn(now, wait_s):
            raise self._refusal(f"it had no place for another call within {wait_s:g} s", wait_s)

    def give(self) -> None:
        """The place that was taken is free again."""
        self.in_use -= 1
        self._let_in()

    async def _turn(self, now: float, wait_s: float) -> bool:
        """Whether the call has a place before its wait is over."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue[turn] = now
        timer = self._clock.call_later(wait_s, lambda: self._too_late(turn))
        try:
            return await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.result():
                self.give()  # the app hung up at the very moment when its turn came
            else:
                self._queue.pop(turn, None)
            raise
        finally:
            timer.cancel()

    def _too_late(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            del self._queue[turn]
            turn.set_result(False)

    def _free(self) -> bool:
        most = self._settings.concurrency
        return most is None or self.in_use < most

    def _let_in(self) -> None:
        while self._queue and self._free():
            turn, _ = self._queue.popitem(last=False)
            if not turn.done():  # else it was cancelled and has not woken up yet
                self.in_use += 1
                turn.set_result(True)

    def _refusal(self, reason: str, waited_s: float) -> Failure:
        """`waited_s`: how long somebody waited without having a turn. As long as that, a later call
        may have to wait too."""
        return Failure(
            FailureKind.LIMIT,
            reason,
            target=self._upstream,
            retry_after_s=max(1.0, waited_s),
            sent=False,
        )
