"""Time and chance as arguments, so that nothing else in the program has to ask for them.

The only module of floors 0 and 1 that may touch asyncio, the system's clock and its randomness.
Tests pass a clock that jumps and dice that are loaded.
"""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from proxy.core.wheel import Wheel


class Timer(Protocol):
    """A call that is yet to come."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Where layers read the time and wait for it."""

    def now(self) -> float:
        """Seconds on a clock that never goes backwards; only differences mean anything."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch, for headers that carry dates and for people."""
        ...

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer: ...

    async def sleep(self, delay_s: float) -> None: ...


class Dice(Protocol):
    """Where layers take their chances."""

    def uniform(self, low: float, high: float) -> float: ...

    def bits(self, count: int) -> int:
        """A whole number of `count` random bits, for identifiers."""
        ...


COARSE_FROM_S = 1.0
"""A wait of this long or longer may end a little late, and costs less for it (see `wheel`)."""


class SystemClock:
    """The clock of one event loop: the one that runs when it is first asked to call somebody."""

    __slots__ = ("_wheel",)

    def __init__(self) -> None:
        self._wheel: Wheel | None = None

    now = staticmethod(time.monotonic)  # asked a dozen times a call: no frame of ours in between
    wall = staticmethod(time.time)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        if delay_s < COARSE_FROM_S:
            return asyncio.get_running_loop().call_later(delay_s, call)
        if self._wheel is None:
            self._wheel = Wheel(asyncio.get_running_loop())
        return self._wheel.call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class SystemDice:
    """Pseudo-random numbers seeded by the operating system. Not for secrets."""

    __slots__ = ("_random",)

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)


def word_of(task: asyncio.Task[object]) -> object:
    """What was said with a cancellation that `task` has not got over; None where nothing was."""
    return getattr(task, "_cancel_message", None) if task.cancelling() else None


def keep_word(task: asyncio.Task[object], error: BaseException | None) -> None:
    """Raise a cancellation of `task` with its word again, where another one has covered it up: of
    two at once asyncio throws the first, and keeps the word of the second."""
    word = word_of(task)
    if isinstance(error, asyncio.CancelledError) and not error.args and word is not None:
        raise asyncio.CancelledError(word) from None


class TimeLimit:
    """`async with TimeLimit(clock, 5.0):` ends the block with TimeoutError when its time is up.

    Like `asyncio.timeout`, on a Clock that can be passed in. `delay_s` of None never ends it. A
    cancellation from outside stays one, with its word, also when both happen at once.
    """

    __slots__ = ("_before", "_clock", "_delay_s", "_expired", "_task", "_timer")

    def __init__(self, clock: Clock, delay_s: float | None) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._expired = False

    async def __aenter__(self) -> Self:
        if self._delay_s is not None:
            self._task = asyncio.current_task()
            assert self._task is not None
            self._before = self._task.cancelling()
            self._timer = self._clock.call_later(max(0.0, self._delay_s), self._expire)
        return self

    def _expire(self) -> None:
        assert self._task is not None
        self._timer = None
        self._expired = True
        self._task.cancel(word_of(self._task))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._expired:
            assert self._task is not None
            if self._task.uncancel() > self._before:
                keep_word(self._task, error)
            elif kind is asyncio.CancelledError:
                raise TimeoutError from error
