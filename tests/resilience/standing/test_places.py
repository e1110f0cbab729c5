"""Calls at once: who gets a place, who waits, and that each place is given back once."""

import asyncio
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Limit
from proxy.resilience.standing.places import QUEUE, Places
from tests.clock import FalseClock, settle


class Stage:
    def __init__(self, concurrency: int | None = 1, wait: float = 5.0) -> None:
        self.clock = FalseClock()
        self.places = Places("openai", self.clock, Limit(concurrency=concurrency, wait=wait))
        self.served: list[str] = []

    def let(self, concurrency: int | None) -> None:
        self.places.settings = Limit(concurrency=concurrency)

    async def take(self, name: str = "", until: float = inf) -> None:
        await self.places.take(until)
        self.served.append(name)

    async def begin(self, name: str, until: float = inf) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.take(name, until))
        await settle(task)
        return task

    async def refusal(self, until: float = inf) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.clock.run(self.take("refused", until))
        assert caught.value.kind is FailureKind.LIMIT
        assert (caught.value.target, caught.value.sent) == ("openai", False)
        return caught.value

    @property
    def counts(self) -> tuple[int, int]:
        return self.places.in_use, self.places.waiting


async def test_as_many_as_may_at_once_have_a_place_at_once() -> None:
    stage = Stage(concurrency=3)
    for name in "abc":
        await stage.take(name)
    assert stage.counts == (3, 0)
    assert stage.clock.next_due is None


async def test_who_came_first_is_served_first() -> None:
    stage = Stage()
    await stage.take("a")
    for name in "bcd":
        await stage.begin(name)
    assert stage.counts == (1, 3)
    for _ in range(3):
        stage.places.give()
        await settle()
    assert stage.served == ["a", "b", "c", "d"]
    stage.places.give()
    assert stage.counts == (0, 0)
    assert stage.clock.next_due is None


async def test_nobody_overtakes_who_was_promised_a_place_and_has_not_woken_up_yet() -> None:
    stage = Stage()
    await stage.take("a")
    waiting = await stage.begin("b")
    stage.places.give()
    late = asyncio.create_task(stage.take("c"))
    await settle()
    assert stage.served == ["a", "b"]
    assert waiting.done()
    late.cancel()


async def test_nobody_waits_longer_than_the_policy_says() -> None:
    stage = Stage(wait=5.0)
    await stage.take("a")
    refusal = await stage.refusal()
    assert stage.clock.now() == 1005.0
    assert refusal.message == "it had no place for another call within 5 s"
    assert refusal.retry_after_s == 5.0, "it took longer than that"
    assert stage.counts == (1, 0)


async def test_nobody_waits_for_a_place_that_comes_too_late() -> None:
    stage = Stage(wait=5.0)
    await stage.take("a")
    await stage.refusal(until=1002.0)
    assert stage.clock.now() == 1002.0
    await stage.refusal(until=1002.0)
    assert stage.clock.now() == 1002.0, "and not at all where no time is left"


async def test_a_place_that_is_free_is_had_even_where_nobody_may_wait() -> None:
    stage = Stage(wait=0.0)
    await stage.take("a", until=0.0)
    assert (await stage.refusal()).retry_after_s == 1.0
    assert stage.clock.now() == 1000.0


async def test_the_queue_has_an_end() -> None:
    stage = Stage(wait=30.0)
    await stage.take("a")
    first = await stage.begin("b")
    stage.clock.pass_time(4.0)
    tasks = [asyncio.create_task(stage.take("c")) for _ in range(QUEUE - 1)]
    await settle()
    assert stage.counts == (1, QUEUE)
    refusal = await stage.refusal()
    assert refusal.message == f"{QUEUE} calls wait for it already"
    assert refusal.retry_after_s == 4.0, "as long as the first of them has waited so far"
    for task in (first, *tasks):
        task.cancel()
    await asyncio.gather(first, *tasks, return_exceptions=True)
    assert stage.counts == (1, 0)
    assert stage.clock.next_due is None


async def test_who_hangs_up_in_the_queue_holds_nothing() -> None:
    stage = Stage()
    await stage.take("a")
    leaving, staying = await stage.begin("b"), await stage.begin("c")
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    assert stage.counts == (1, 1)
    stage.places.give()
    await settle()
    assert staying.done()
    assert stage.served == ["a", "c"]
    assert stage.counts == (1, 0)


async def test_who_hangs_up_as_its_turn_comes_passes_the_place_on() -> None:
    stage = Stage()
    await stage.take("a")
    leaving, staying = await stage.begin("b"), await stage.begin("c")
    stage.places.give()
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    assert staying.done()
    assert stage.counts == (1, 0)


async def test_a_turn_that_comes_to_who_has_just_hung_up_is_the_next_ones() -> None:
    stage = Stage()
    await stage.take("a")
    leaving, staying = await stage.begin("b"), await stage.begin("c")
    leaving.cancel()
    stage.places.give()
    await settle()
    assert leaving.cancelled()
    assert staying.done()
    assert stage.counts == (1, 0)


async def test_who_hangs_up_as_its_wait_ends_holds_nothing() -> None:
    stage = Stage(wait=5.0)
    await stage.take("a")
    leaving = await stage.begin("b")
    stage.clock.pass_time(5.0)
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    assert stage.counts == (1, 0)
    stage.places.give()
    assert stage.counts == (0, 0)


async def test_more_room_lets_in_who_waits() -> None:
    stage = Stage()
    await stage.take("a")
    for name in "bcd":
        await stage.begin(name)
    stage.let(3)
    await settle()
    assert stage.served == ["a", "b", "c"]
    stage.let(None)
    await settle()
    assert stage.served == ["a", "b", "c", "d"]
    assert stage.counts == (4, 0)


async def test_less_room_takes_no_place_away() -> None:
    stage = Stage(concurrency=3)
    for name in "abc":
        await stage.take(name)
    waiting = await stage.begin("d")
    stage.let(1)
    stage.places.give()
    stage.places.give()
    await settle()
    assert stage.counts == (1, 1)
    assert not waiting.done()
    stage.places.give()
    await settle()
    assert waiting.done()


async def test_without_a_limit_everybody_has_a_place() -> None:
    stage = Stage(concurrency=None)
    for _ in range(2 * QUEUE):
        await stage.places.take(inf)
    assert stage.counts == (2 * QUEUE, 0)


STEPS = st.lists(
    st.one_of(
        st.just("take"),
        st.just("give"),
        st.tuples(st.just("hang up"), st.integers(0, 20)),
        st.tuples(st.just("let"), st.sampled_from([1, 2, 5, None])),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 2.0, 5.0])),
        st.just("settle"),
    ),
    max_size=60,
)


@settings(deadline=None)  # a loop for each example
@given(STEPS)
def test_whatever_happens_no_place_is_lost_or_had_twice(steps: list[object]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[object]) -> None:
    stage = Stage(concurrency=2)
    tasks: list[asyncio.Task[None]] = []
    given = 0

    def held() -> int:
        return len(stage.served) - given

    for number, step in enumerate(steps):
        match step:
            case "take":
                tasks.append(asyncio.create_task(stage.take(f"{number:04}")))
                await asyncio.sleep(0)
            case "give" if held():
                stage.places.give()
                given += 1
            case ("hang up", int(which)) if tasks:
                tasks[which % len(tasks)].cancel()
            case ("let", int() | None as concurrency):
                stage.let(concurrency)
            case ("pass", float(seconds)):
                stage.clock.pass_time(seconds)
            case "settle":
                await settle()
                most = stage.places.settings.concurrency
                assert stage.places.in_use == held()
                room = most is None or held() < most
                assert not (room and stage.places.waiting), "nobody waits where there is room"
    await settle()
    assert stage.served == sorted(stage.served), "who came first was served first"
    stage.let(None)
    await settle()
    assert all(task.done() for task in tasks)
    assert stage.counts == (held(), 0)
    assert stage.clock.next_due is None
    for task in tasks:
        failed = not task.cancelled() and task.exception()
        assert not failed or isinstance(failed, Failure)
