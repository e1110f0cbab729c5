"""A wait that is ended from outside, and cancellations that are none of that."""

import asyncio
from contextlib import suppress

import pytest

from proxy.core.clock import TimeLimit
from proxy.core.reply import STOPPING
from proxy.resilience.choice.interrupt import Interrupt
from tests.clock import FalseClock, settle


class Stage:
    def __init__(self) -> None:
        self.interrupt = Interrupt()
        self.went_on = 0
        self.task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        for _ in range(2):
            with self.interrupt:
                await asyncio.get_running_loop().create_future()
            self.went_on += 1

    async def ends(self) -> tuple[object, ...]:
        """The word of the cancellation that it ends with."""
        with pytest.raises(asyncio.CancelledError) as caught:
            await self.task
        return caught.value.args


async def test_it_goes_on_behind_the_block() -> None:
    stage = Stage()
    await settle()
    stage.interrupt.now()
    await settle()
    assert stage.went_on == 1
    assert stage.task.cancelling() == 0
    stage.interrupt.now()
    await stage.task
    assert stage.went_on == 2


async def test_a_cancellation_stays_one() -> None:
    stage = Stage()
    await settle()
    stage.task.cancel(STOPPING)
    assert await stage.ends() == (STOPPING,)


@pytest.mark.parametrize("first", ["interrupt", "cancellation"])
async def test_also_when_both_happen_at_once(first: str) -> None:
    stage = Stage()
    await settle()
    if first == "interrupt":
        stage.interrupt.now()
        stage.task.cancel(STOPPING)
    else:
        stage.task.cancel(STOPPING)
        stage.interrupt.now()
    assert await stage.ends() == (STOPPING,)
    assert stage.went_on == 0


async def test_a_time_limit_that_is_up_at_the_same_moment_does_not_keep_it_from_ending() -> None:
    clock, interrupt = FalseClock(), Interrupt()

    async def try_again() -> str:
        with interrupt:
            while True:
                with suppress(TimeoutError):
                    async with TimeLimit(clock, 1.0):
                        await asyncio.get_running_loop().create_future()
        return "went on"

    task = asyncio.create_task(try_again())
    await settle()
    clock.pass_time(1.0)
    interrupt.now()
    await settle(task)
    assert task.done()
    assert await task == "went on"
    assert task.cancelling() == 0


async def test_it_is_harmless_where_nobody_waits() -> None:
    interrupt = Interrupt()
    interrupt.now()
    with interrupt:
        pass
    interrupt.now()
    await settle()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_ringing_twice_ends_one_block() -> None:
    stage = Stage()
    await settle()
    stage.interrupt.now()
    stage.interrupt.now()
    await settle()
    assert stage.went_on == 1
    stage.task.cancel()
    await stage.ends()


async def test_an_error_in_the_block_comes_out() -> None:
    interrupt = Interrupt()
    with pytest.raises(ZeroDivisionError), interrupt:
        raise ZeroDivisionError


async def test_who_gets_done_nevertheless_is_not_cancelled_later() -> None:
    interrupt = Interrupt()

    async def deaf() -> str:
        with interrupt:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                return "done"
        return "ended"

    task = asyncio.create_task(deaf())
    await settle()
    interrupt.now()
    assert await task == "done"
    assert task.cancelling() == 0
