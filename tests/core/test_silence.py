"""A wait ends when nothing has moved for too long, and not a moment before."""

import asyncio

import pytest

from proxy.core.silence import Silence
from tests.clock import FalseClock, settle


async def test_it_ends_when_nothing_moves() -> None:
    clock = FalseClock()

    async def wait() -> None:
        async with Silence(clock, 10.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await settle()
    clock.pass_time(9.0)
    await settle()
    assert not task.done()
    clock.pass_time(1.0)
    with pytest.raises(TimeoutError):
        await task


async def test_what_moves_goes_on() -> None:
    clock, done = FalseClock(), asyncio.Event()
    silences: list[Silence] = []

    async def wait() -> None:
        async with Silence(clock, 10.0) as silence:
            silences.append(silence)
            await done.wait()

    task = asyncio.create_task(wait())
    await settle()
    for _ in range(5):
        clock.pass_time(9.0)
        silences[0].broken()
        await settle()
    assert not task.done()
    done.set()
    await task
    assert clock.next_due is None, "nothing is left behind"


async def test_a_cancellation_stays_one() -> None:
    clock = FalseClock()

    async def wait() -> None:
        async with Silence(clock, 10.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await settle()
    task.cancel("gone")
    with pytest.raises(asyncio.CancelledError):
        await task
