"""Time that nobody waits for: it stands still while anything happens, and then goes on at once.

A drill plays timeouts of minutes. Time that ran faster would shrink them to less than this machine
needs to do its part, and blame the program for it. So a play's time does not run at all: whenever
nothing is left to do on the event loop, and no byte is under way, it jumps to the next timer that
somebody has set. What is computed and sent over sockets takes no time; what is waited for takes
exactly as long as was said.
"""

import asyncio
import heapq
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

IDLE_S = 0.01
"""Nothing on its way over loopback takes so long: a loop that has had nothing to do for this time
is waiting for a timer."""


@dataclass(order=True)
class _Timer:
    due: float
    order: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True

    def ring(self) -> None:
        if not self.cancelled:
            self.call()


class JumpingClock:
    """A `Clock` of one play. `waited_s` is how much was skipped."""

    def __init__(self) -> None:
        self.waited_s = 0.0
        self._starts = time.time()
        self._timers: list[_Timer] = []
        self._order = count()
        self._held = 0

    def now(self) -> float:
        return self.waited_s

    def wall(self) -> float:
        return self._starts + self.waited_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Timer:
        timer = _Timer(self.waited_s + max(0.0, delay_s), next(self._order), call)
        heapq.heappush(self._timers, timer)
        return timer

    async def sleep(self, delay_s: float) -> None:
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        rung = asyncio.Event()
        timer = self.call_later(delay_s, rung.set)
        try:
            await rung.wait()
        finally:
            timer.cancel()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still: somebody computes in a thread, which the loop cannot see."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def jump(self, loop: asyncio.AbstractEventLoop) -> bool:
        """To the next timer, whose call is made soon. False where there is none."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        if not self._timers or self._held:
            return False
        self.waited_s = max(self.waited_s, self._timers[0].due)
        while self._timers and self._timers[0].due <= self.waited_s:
            loop.call_soon(heapq.heappop(self._timers).ring)
        return True


class Clocks:
    """Makes the clocks of plays, and the event loop that has them jump."""

    def __init__(self) -> None:
        self._clocks: set[JumpingClock] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """A loop that jumps whenever it is idle. For `asyncio.Runner`."""
        self._loop = asyncio.SelectorEventLoop(_IdleSelector(self._jump))
        return self._loop

    @contextmanager
    def clock(self) -> Iterator[JumpingClock]:
        """A clock that jumps until the block ends."""
        clock = JumpingClock()
        self._clocks.add(clock)
        try:
            yield clock
        finally:
            self._clocks.discard(clock)

    def _jump(self) -> bool:
        assert self._loop is not None  # it is what asks
        jumped = [clock.jump(self._loop) for clock in self._clocks]  # each of them
        return any(jumped)


class _IdleSelector(selectors.DefaultSelector):
    """Tells when the event loop has nothing to do. `jump` is whether that gave it something."""

    def __init__(self, jump: Callable[[], bool]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= IDLE_S:
            return super().select(timeout)
        ready = super().select(IDLE_S)
        if ready or self._jump():
            return ready
        return super().select(timeout)
