"""Coarse timers: late by little, shared by many, and never early."""

import asyncio
from collections.abc import Callable

import pytest

from proxy.core.clock import SystemClock
from proxy.core.wheel import LATEST_S, TICK_S, Wheel
from proxy.resilience.deadline import early


class Loop:
    """An event loop's timers, put forward by hand."""

    def __init__(self) -> None:
        self.at = 1000.003
        self.timers: list[tuple[float, Callable[[float], None]]] = []

    def time(self) -> float:
        return self.at

    def call_at(self, when: float, callback: Callable[[float], None], due: float) -> None:
        assert when == due
        self.timers.append((when, callback))

    def ring_next(self) -> None:
        self.timers.sort(key=lambda timer: timer[0])
        when, callback = self.timers.pop(0)
        self.at = when
        callback(when)


@pytest.mark.parametrize("delay_s", [1.0, 3.2, 3.3, 30.0, 60.0, 600.0, 86_400.0])
def test_a_timer_is_never_early_and_late_in_proportion(delay_s: float) -> None:
    loop, rung = Loop(), []
    Wheel(loop).call_later(delay_s, lambda: rung.append(loop.at))
    while loop.timers:
        loop.ring_next()
    (rung_at,) = rung
    late = rung_at - 1000.003 - delay_s
    assert 0 <= late <= max(TICK_S, min(delay_s / 32, LATEST_S))


@pytest.mark.parametrize("patience_s", [10.0, 40.0, 65.0, 120.0, 600.0])
def test_whoever_gives_up_early_for_an_app_is_not_too_late_for_it(patience_s: float) -> None:
    for started in range(200):
        loop, rung = Loop(), []
        loop.at += started / 7
        given_up_at = loop.at + patience_s
        Wheel(loop).call_later(early(patience_s), lambda loop=loop, rung=rung: rung.append(loop.at))
        while loop.timers:
            loop.ring_next()
        assert rung[0] < given_up_at


def test_a_long_timer_can_be_cancelled_until_it_rings() -> None:
    loop, rung = Loop(), []
    timer = Wheel(loop).call_later(600.0, lambda: rung.append(loop.at))
    loop.ring_next()
    timer.cancel()
    while loop.timers:
        loop.ring_next()
    assert not rung


def test_timers_of_thousands_of_calls_share_a_few() -> None:
    loop, rung = Loop(), []
    wheel = Wheel(loop)
    kept = []
    for call in range(60_000):  # a hundred calls a second for ten minutes, each with its timeouts
        loop.at += 0.01
        wheel.call_later(600.0, lambda call=call: rung.append(call)).cancel()
        if call % 1000 == 0:
            kept.append(wheel.call_later(600.0, lambda call=call: rung.append(call)))
    assert len(loop.timers) < 200
    for timer in kept[::2]:
        timer.cancel()
        timer.cancel()
    while loop.timers:
        loop.ring_next()
    assert rung == list(range(1000, 60_000, 2000)), "only those that were left, in order"


def test_a_timer_may_cancel_its_neighbour() -> None:
    loop, rung = Loop(), []
    wheel = Wheel(loop)
    timers = [
        wheel.call_later(5.0, lambda: (rung.append("one"), [t.cancel() for t in timers])),
        wheel.call_later(5.0, lambda: (rung.append("one"), [t.cancel() for t in timers])),
    ]
    loop.ring_next()
    assert rung == ["one"]


def test_what_one_raises_keeps_no_other_from_ringing() -> None:
    loop, rung = Loop(), []

    def ring() -> None:
        rung.append(loop.at)
        raise ZeroDivisionError

    wheel = Wheel(loop)
    for _ in range(3):
        wheel.call_later(5.0, ring)
    with pytest.raises(ZeroDivisionError):
        loop.ring_next()
    assert len(rung) == 3


async def test_the_systems_clock_uses_it_for_long_waits_only() -> None:
    clock, rung = SystemClock(), asyncio.Event()
    started = clock.now()
    clock.call_later(0.01, rung.set)
    await asyncio.wait_for(rung.wait(), 1)
    assert clock.now() - started < 0.5
    rung.clear()
    clock.call_later(1.0, rung.set)
    await asyncio.wait_for(rung.wait(), 2)
    assert 0.99 <= clock.now() - started <= 1.5
