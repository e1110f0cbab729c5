"""A clock that jumps and dice that are loaded, for tests that would otherwise have to sleep."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

_SETTLE_TURNS = 40
"""Turns of the loop after which nothing more happens by itself, with no real input or output."""


@dataclass(order=True)
class _Timer:
    due: float
    order: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class FalseClock:
    """Time stands still until `run` finds everybody waiting; then it jumps to the next timer."""

    def __init__(self, now: float = 1000.0, wall: float = 1_800_000_000.0) -> None:
        self._now = now
        self._offset = wall - now
        self._timers: list[_Timer] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._offset

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Timer:
        timer = _Timer(self._now + delay_s, next(self._order), call)
        heapq.heappush(self._timers, timer)
        return timer

    async def sleep(self, delay_s: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay_s, lambda: done.done() or done.set_result(None))
        try:
            await done
        finally:
            timer.cancel()

    @property
    def next_due(self) -> float | None:
        """Seconds until the next timer rings; None when nobody waits for one."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0].due - self._now) if self._timers else None

    def pass_time(self, seconds: float) -> None:
        """Let time pass at once, ringing what is due on the way."""
        until = self._now + seconds
        while self.next_due is not None and self._timers[0].due <= until:
            self._ring()
        self._now = until

    def _ring(self) -> bool:
        while self._timers:
            timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self._now = max(self._now, timer.due)
                timer.call()
                return True
        return False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, with no real time spent waiting. A wait for nothing fails."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await settle(task)
            if not task.done() and not self._ring():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise AssertionError("everybody waits, and no timer is set")
        return task.result()


async def settle(task: asyncio.Future[Any] | None = None) -> None:
    """Let everything happen that happens by itself, until `task` is done or everybody waits."""
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)
        if task is not None and task.done():
            break


class LoadedDice:
    """Always the same share of what may come: 1.0 is the highest number, 0.0 the lowest."""

    def __init__(self, share: float = 1.0) -> None:
        self.share = share
        self._bits = count(1)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.share

    def bits(self, count: int) -> int:
        return next(self._bits)
