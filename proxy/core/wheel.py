"""Timers that are set for every call and hardly ever ring.

A timer of the event loop costs microseconds to set and to cancel; a timeout of a minute need not be
exact to the millisecond. So timers that are due at about the same time share one of the loop's: the
further off, the rougher, so that there are hundreds of them at most, however many calls there are.
"""

import math
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.05
"""How late a timer may ring that is due within `FINE_TICKS` of these; later ones ring later in
proportion, by a thirty-second of their delay at most."""

FINE_TICKS = 64


class Loop(Protocol):
    """What the wheel needs of the event loop."""

    def call_at(self, when: float, callback: Callable[[float], None], due: float) -> object: ...

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
        self._slots: dict[float, set[WheelTimer]] = {}

    def call_later(self, delay_s: float, call: Callable[[], None]) -> WheelTimer:
        """`call` is called in `delay_s` seconds or a little later (see `TICK_S`)."""
        doublings = math.frexp(delay_s / (TICK_S * FINE_TICKS))[1]
        unit = TICK_S * 2 ** max(0, doublings)
        due = math.ceil((self._loop.time() + delay_s) / unit) * unit
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = set()
            self._loop.call_at(due, self._ring, due)
        return WheelTimer(call, slot)

    def _ring(self, due: float) -> None:
        _ring_all(self._slots.pop(due))


def _ring_all(slot: set[WheelTimer]) -> None:
    """What one of them raises keeps no other from ringing, and comes out at the end."""
    try:
        while slot:
            slot.pop().ring()
    finally:
        if slot:  # one raised
            _ring_all(slot)
