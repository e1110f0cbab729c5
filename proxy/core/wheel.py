"""Timers that are set for every call and hardly ever ring.

A timer of the event loop costs microseconds to set and to cancel; a timeout of a minute need not be
exact to the millisecond. So timers that are due within the same `TICK_S` share one of the loop's.
"""

import math
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.05
"""How late a timer may ring."""


class Loop(Protocol):
    """What the wheel needs of the event loop."""

    def call_at(self, when: float, callback: Callable[[int], None], tick: int) -> object: ...

    def time(self) -> float: ...


class WheelTimer:
    """A call that is yet to come; it leaves nothing behind when cancelled."""

    __slots__ = ("_call", "_slot")

    def __init__(self, call: Callable[[], None], slot: "set[WheelTimer]") -> None:
        self._call = call
        self._slot = slot
        slot.add(self)

    def cancel(self) -> None:
        self._slot.discard(self)

    def ring(self) -> None:
        self._call()


class Wheel:
    """All coarse timers of one event loop."""

    __slots__ = ("_loop", "_slots")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._slots: dict[int, set[WheelTimer]] = {}

    def call_later(self, delay_s: float, call: Callable[[], None]) -> WheelTimer:
        """`call` is called in `delay_s` seconds or up to `TICK_S` later."""
        tick = math.ceil((self._loop.time() + delay_s) / TICK_S)
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = set()
            self._loop.call_at(tick * TICK_S, self._ring, tick)
        return WheelTimer(call, slot)

    def _ring(self, tick: int) -> None:
        slot = self._slots.pop(tick)
        while slot:
            slot.pop().ring()
