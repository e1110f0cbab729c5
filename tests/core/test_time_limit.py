"""TimeLimit against everything that can happen to a task while it waits."""

import asyncio

import pytest

from proxy.core.clock import SystemClock, SystemDice, TimeLimit
from tests.clock import FalseClock, settle


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_block_that_is_in_time_is_left_alone() -> None:
    clock = FalseClock()
    async with TimeLimit(clock, 5.0):
        await asyncio.sleep(0)
    clock.pass_time(10.0)
    await settle()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_block_whose_time_is_up_ends_with_timeout_error() -> None:
    clock = FalseClock()

    async def work() -> None:
        async with TimeLimit(clock, 5.0):
            await _forever()

    with pytest.raises(TimeoutError):
        await clock.run(work())
    assert clock.now() == 1005.0


async def test_no_limit_never_ends() -> None:
    clock = FalseClock()

    async def work() -> str:
        async with TimeLimit(clock, None):
            await clock.sleep(1e9)
        return "done"

    assert await clock.run(work()) == "done"


async def test_no_time_at_all_is_up_at_the_first_wait() -> None:
    clock = FalseClock()

    async def work() -> None:
        async with TimeLimit(clock, -1.0):
            await _forever()

    with pytest.raises(TimeoutError):
        await clock.run(work())
    assert clock.now() == 1000.0


async def test_a_cancellation_from_outside_stays_one() -> None:
    clock = FalseClock()

    async def work() -> None:
        async with TimeLimit(clock, 5.0):
            await _forever()

    task = asyncio.create_task(work())
    await settle()
    task.cancel("the app hung up")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ("the app hung up",)
    clock.pass_time(10.0)
    await settle()


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("outer_first", [False, True])
async def test_both_at_once_is_a_cancellation_with_its_word(outer_first: bool, ready: bool) -> None:
    """`ready`: what the block waited for is there, too."""
    clock = FalseClock()
    wanted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with TimeLimit(clock, 5.0):
            await wanted

    task = asyncio.create_task(work())
    await settle()
    if ready:
        wanted.set_result(None)
    if outer_first:
        task.cancel("the app hung up")
        clock.pass_time(5.0)
    else:
        clock.pass_time(5.0)
        task.cancel("the app hung up")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ("the app hung up",)
    assert task.cancelled()


async def test_an_error_of_the_block_is_not_hidden_by_the_limit() -> None:
    clock = FalseClock()

    async def work() -> None:
        async with TimeLimit(clock, 5.0):
            try:
                await _forever()
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

    task = asyncio.create_task(work())
    await settle()
    clock.pass_time(5.0)
    with pytest.raises(ZeroDivisionError):
        await task
    assert task.cancelling() == 0


@pytest.mark.parametrize(("outer_s", "inner_s", "who"), [(5, 3, "inner"), (3, 5, "outer")])
async def test_of_nested_limits_the_shorter_one_ends_its_own_block(
    outer_s: float, inner_s: float, who: str
) -> None:
    clock = FalseClock()
    ended = []

    async def work() -> None:
        try:
            async with TimeLimit(clock, outer_s):
                try:
                    async with TimeLimit(clock, inner_s):
                        await _forever()
                except TimeoutError:
                    ended.append("inner")
        except TimeoutError:
            ended.append("outer")

    await clock.run(work())
    assert ended == [who]


async def test_of_nested_limits_that_end_at_once_the_outer_one_counts() -> None:
    clock = FalseClock()
    ended = []

    async def work() -> None:
        try:
            async with TimeLimit(clock, 5.0):
                try:
                    async with TimeLimit(clock, 5.0):
                        await _forever()
                except TimeoutError:
                    ended.append("inner")
        except TimeoutError:
            ended.append("outer")

    task = asyncio.create_task(work())
    await settle()
    clock.pass_time(5.0)
    await task
    assert ended == ["outer"]
    assert task.cancelling() == 0


async def test_the_wait_after_a_limit_is_undisturbed() -> None:
    clock = FalseClock()

    async def work() -> str:
        with pytest.raises(TimeoutError):
            async with TimeLimit(clock, 1.0):
                await _forever()
        await clock.sleep(3.0)
        return "went on"

    assert await clock.run(work()) == "went on"


async def test_a_limit_within_a_cancelled_tasks_cleanup_still_works() -> None:
    """A task that was cancelled once, and goes on to tidy up, can still be given a limit."""
    clock = FalseClock()
    seen = []

    async def work() -> None:
        try:
            await _forever()
        except asyncio.CancelledError:
            try:
                async with TimeLimit(clock, 2.0):
                    await _forever()
            except TimeoutError:
                seen.append("tidied up")
            raise

    task = asyncio.create_task(work())
    await settle()
    task.cancel()
    await settle()
    clock.pass_time(2.0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["tidied up"]


async def test_it_works_on_the_systems_clock() -> None:
    clock = SystemClock()
    before = clock.now()
    with pytest.raises(TimeoutError):
        async with TimeLimit(clock, 0.01):
            await clock.sleep(60.0)
    assert clock.now() - before < 5.0
    assert clock.wall() > 1.6e9


def test_the_systems_dice_can_be_seeded_for_a_repeat() -> None:
    first, again = SystemDice(7), SystemDice(7)
    assert [first.uniform(0, 1), first.bits(64)] == [again.uniform(0, 1), again.bits(64)]
    assert 0 <= SystemDice().bits(64) < 2**64
