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

ROUGHEST = 4
LATEST_S = TICK_S * 2**ROUGHEST
"""No timer is later than this: an app that waits ten minutes gives up on the second. One that is
further off is looked at somewhat before its time, and waits for the rest of it."""

_SAME_S = 1e-6
"""Less than this apart, two times are the same: sums of fractions are not exact."""


class Loop(Protocol):
    """What the wheel needs of the event loop."""

    def call_at(self, when: float, callback: Callable[[float], None], due: float) -> object: ...

    def time(self) -> float: ...


class WheelTimer:
    """A call that is yet to come; it leaves nothing behind when cancelled."""

    __slots__ = ("_call", "_slot", "at")

    def __init__(self, call: Callable[[], None], at: float, slot: "set[WheelTimer]") -> None:
        self._call = call
        self.at = at
        self.wait_in(slot)

    def wait_in(self, slot: "set[WheelTimer]") -> None:
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
        at = self._loop.time() + delay_s
        return WheelTimer(call, at, self._slot(at, delay_s))

    def _slot(self, at: float, delay_s: float) -> set[WheelTimer]:
        doublings = max(0, math.frexp(delay_s / (TICK_S * FINE_TICKS))[1])
        unit = TICK_S * 2**doublings
        due = (math.ceil if doublings <= ROUGHEST else math.floor)(at / unit) * unit
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = set()
            self._loop.call_at(due, self._ring, due)
        return slot

    def _ring(self, due: float) -> None:
        slot = self._slots.pop(due)
        for timer in [timer for timer in slot if timer.at - due > _SAME_S]:
            slot.discard(timer)
            timer.wait_in(self._slot(timer.at, timer.at - due))
        _ring_all(slot)


def _ring_all(slot: set[WheelTimer]) -> None:
    """What one of them raises keeps no other from ringing, and comes out at the end."""
    try:
        while slot:
            slot.pop().ring()
    finally:
        if slot:  # one raised
            _ring_all(slot)
