"""A limit on silence: on how long nothing moves, however long it takes in all."""

from typing import Self

from proxy.core.clock import Clock, TimeLimit

_ROUNDED_S = 0.001
"""Event loops round: by so much a timer may ring early."""


class Silence(TimeLimit):
    """`async with Silence(clock, 600.0) as silence:` ends the block with TimeoutError when for so
    long nobody has said `silence.broken()`, which costs a look at the clock."""

    __slots__ = ("_broken_at", "_limit_s")

    def __init__(self, clock: Clock, limit_s: float) -> None:
        super().__init__(clock, limit_s)
        self._limit_s = limit_s
        self._broken_at = 0.0

    async def __aenter__(self) -> Self:
        self.broken()
        return await super().__aenter__()

    def broken(self) -> None:
        self._broken_at = self._clock.now()

    def _expire(self) -> None:
        left_s = self._broken_at + self._limit_s - self._clock.now()
        if left_s > _ROUNDED_S:
            self._timer = self._clock.call_later(left_s, self._expire)
        else:
            super()._expire()
