"""How calls are shared out: by weight among equals, by what is known of them otherwise."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.clock import SystemDice
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import STOPPING, End, Reply
from proxy.dialects.allowance import Allowance
from proxy.resilience.choice.balanced import LOOK, Balanced
from proxy.resilience.choice.load import SLOW_START_S, Loads
from proxy.resilience.standing.quotas import Caller
from tests.calls import a_call
from tests.clock import LoadedDice, settle
from tests.resilience.cast import DOWN, After, Cast, fails
from tests.resilience.parts import a_reply, events_of

QUOTA = frozenset((FailureKind.QUOTA,))
WARM_S = SLOW_START_S + 1.0


class Stage(Cast):
    """Targets by name, each with its weight, that answer at once unless told otherwise."""

    def __init__(self, seed: int = 1, dice: float | None = None, **weights: float) -> None:
        super().__init__()
        self.chance = SystemDice(seed) if dice is None else LoadedDice(dice)
        self.loads = Loads()
        for name, weight in weights.items():
            self.add(name, weight=weight)
            self.loads.of(name, self.clock.now())
        self.clock.pass_time(WARM_S)

    @property
    def strategy(self) -> Balanced:
        loads = tuple(self.load(target.name) for target in self.targets)
        return Balanced(self.targets, "fail", self.clock, self.chance, loads)

    def load(self, name: str) -> object:
        return self.loads.of(name, self.clock.now())

    def in_flight(self) -> dict[str, int]:
        return {name: self.loads.of(name, 0.0).in_flight for name in self.roles}

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        return await self.strategy.handle(self.call)

    async def split(self, calls: int = 1000, at_once: int = 1, **took_s: float) -> dict[str, float]:
        """The share of `calls` that each was asked first, `at_once` being under way all the time.
        `took_s`: how long each takes to begin."""
        strategy, under_way = self.strategy, list[Reply]()
        asked: Counter[str] = Counter()
        for _ in range(calls):
            reply = await strategy.handle(a_call(self.clock))
            asked[reply.target] += 1
            if reply.target in took_s:
                self.standing(reply.target).latency.note(took_s[reply.target])
            under_way.append(reply)
            if len(under_way) >= at_once:
                await under_way.pop(0).close(End.COMPLETE)
        for reply in under_way:
            await reply.close(End.COMPLETE)
        return {name: asked[name] / calls for name in self.roles}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=5),
    st.integers(0, 2**32),
    st.sampled_from((1, 8)),
)
async def test_equal_targets_are_asked_by_their_weights(
    weights: list[int], seed: int, at_once: int
) -> None:
    names = "abcde"[: len(weights)]
    stage = Stage(seed, **dict(zip(names, map(float, weights), strict=True)))
    split = await stage.split(2000, at_once, **dict.fromkeys(names, 1.0))
    for name, weight in zip(names, weights, strict=True):
        assert split[name] == pytest.approx(weight / sum(weights), abs=0.06)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**32))
async def test_one_that_is_ten_times_slower_gets_clearly_less(count: int, seed: int) -> None:
    names = "abcde"[:count]
    stage = Stage(seed, **dict.fromkeys(names, 1.0))
    split = await stage.split(2000, **{**dict.fromkeys(names, 1.0), "a": 10.0})
    assert split["a"] < 0.2 / count
    assert split["a"] > 0.1 * LOOK / count, "it is looked at now and then"


async def test_who_becomes_fast_again_gets_its_share_again() -> None:
    stage = Stage(a=1.0, b=1.0)
    await stage.split(1000, a=10.0, b=1.0)
    await stage.split(4000, a=1.0, b=1.0)
    assert (await stage.split(1000, a=1.0, b=1.0))["a"] == pytest.approx(0.5, abs=0.06)


async def test_a_latency_that_is_not_known_counts_as_the_average() -> None:
    stage = Stage(a=1.0, b=1.0, c=1.0)
    split = await stage.split(1000, a=1.0, b=1.2)
    assert split["c"] == pytest.approx(1 / 3, abs=0.06)


async def test_one_that_fails_now_and_then_gets_less() -> None:
    stage = Stage(a=1.0, b=1.0)
    replies = iter(range(10**6))
    stage.roles["a"].acts[:] = [lambda: fails() if next(replies) % 2 else a_reply()]
    split = await stage.split(1000)
    assert split["a"] < 0.2


async def test_what_is_left_of_a_rate_limit_counts() -> None:
    stage = Stage(a=1.0, b=1.0)
    stage.standing("a").quotas.of(Caller(a_call()), "gpt-4o").learn(
        (Allowance("requests", 100, 1000, 600.0),)
    )
    stage.standing("b").quotas.of(Caller(a_call()), "gpt-4o").learn(
        (Allowance("requests", 1000, 1000, 600.0),)
    )
    split = await stage.split(1000)
    assert split["a"] < 0.1


async def test_one_with_nothing_left_gets_nothing_while_others_live() -> None:
    stage = Stage(a=1.0, b=1.0, c=1.0)
    stage.spend("a")
    assert (await stage.split(500))["a"] == 0.0
    stage.spend("b", "c")
    assert sum((await stage.split(50)).values()) == 1.0, "then it does not matter"


async def test_the_less_crowded_of_equals_is_asked() -> None:
    stage = Stage(a=1.0, b=1.0)
    replies = [await stage.handle() for _ in range(100)]
    assert all(45 <= count <= 55 for count in stage.in_flight().values())
    for reply in replies:
        await reply.close(End.COMPLETE)
    assert stage.in_flight() == {"a": 0, "b": 0}


# Left alone, back again


@pytest.mark.parametrize("how", ["sicken", "shut"])
async def test_who_is_better_left_alone_is_not_asked(how: str) -> None:
    stage = Stage(a=1.0, b=1.0)
    getattr(stage, how)("a")
    assert await stage.split(100) == {"a": 0.0, "b": 1.0}
    call = a_call(stage.clock)
    await stage.strategy.handle(call)
    assert not events_of(call), "nobody fell back: b was chosen"


async def test_it_is_asked_when_all_others_have_failed() -> None:
    stage = Stage().add("a").add("b", fails())
    stage.clock.pass_time(WARM_S)
    stage.sicken("a")
    assert (await stage.handle()).target == "a"
    assert stage.asked == ["b", "a"]


async def test_one_that_may_be_tried_is_tried_at_once_and_by_one_call() -> None:
    stage = Stage(a=1.0, b=1.0)
    stage.sicken("a")
    stage.clock.pass_time(30.0)
    assert await stage.split(100) == {"a": 0.01, "b": 0.99}


async def test_one_that_came_back_gets_more_and_more() -> None:
    stage = Stage(a=1.0, b=1.0)
    stage.sicken("a")
    await stage.split(10)
    stage.standing("a").health.succeeded(1.0)
    shares = []
    for _ in range(4):
        shares.append((await stage.split(1000))["a"])
        stage.clock.pass_time(SLOW_START_S / 3)
    assert shares == sorted(shares)
    assert shares[0] < 0.15
    assert shares[1] == pytest.approx(0.25, abs=0.06)
    assert shares[3] == pytest.approx(0.5, abs=0.06)


async def test_one_whose_breaker_closes_starts_slowly_too_also_with_many_at_once() -> None:
    stage = Stage(a=1.0, b=1.0)
    stage.shut("a")
    await stage.split(10)
    stage.clock.pass_time(60.0)
    stage.standing("a").breaker.permit().succeeded(1.0)
    assert (await stage.split(1000, at_once=20))["a"] < 0.2


async def test_a_new_one_beside_others_starts_slowly_and_all_new_ones_alike() -> None:
    stage = Stage(a=1.0, b=1.0)
    stage.add("c")
    assert (await stage.split(1000))["c"] < 0.15
    fresh = Stage()
    for name in "ab":
        fresh.add(name)
    assert (await fresh.split(1000))["a"] == pytest.approx(0.5, abs=0.06)


# Those after the first


async def test_after_the_first_the_best_is_asked_next() -> None:
    stage = Stage(dice=0.0, a=1.0, b=1.0, c=1.0)
    stage.roles["a"].acts[:] = [fails()]
    for name, took_s in (("b", 3.0), ("c", 2.0)):
        stage.standing(name).latency.note(took_s)
    await stage.handle()
    assert stage.asked == ["a", "c"]
    assert events_of(stage.call) == [FellBack("a", "c", DOWN)]


async def test_on_is_heeded_and_who_is_better_left_alone_comes_last() -> None:
    stage = Stage(dice=0.0).add("a", fails()).add("b", on=QUOTA).add("c").add("d", fails())
    stage.clock.pass_time(WARM_S)
    stage.sicken("c")
    await stage.handle()
    assert stage.asked == ["a", "d", "c"]
    told = [event for event in events_of(stage.call) if isinstance(event, PassedOver)]
    assert [event.target for event in told] == ["c"]


async def test_when_all_fail_all_is_told() -> None:
    stage = Stage().add("a", fails()).add("b", fails()).add("c", Unfit("no key"))
    with pytest.raises(Exhausted) as caught:
        await stage.handle()
    assert {failure.target for failure in caught.value.failures} == {"a", "b"}
    assert stage.in_flight() == {"a": 0, "b": 0, "c": 0}


async def test_one_without_a_standing_has_its_share() -> None:
    stage = Stage(a=1.0).add("local", upstream=False)
    stage.clock.pass_time(WARM_S)
    stage.loads.of("local", stage.clock.now() - WARM_S)
    assert (await stage.split(1000, a=5.0))["local"] == pytest.approx(0.5, abs=0.06)


async def test_it_goes_on_where_failures_lead() -> None:
    stage = Stage(a=1.0, b=1.0, c=1.0)
    for _ in range(20):
        reply = await stage.strategy.after(
            a_call(stage.clock), [fails(FailureKind.BROKEN_STREAM, "a")]
        )
        assert reply.target in ("b", "c")
    broken = fails(FailureKind.BROKEN_STREAM, "a")
    alone = Stage(a=1.0)
    with pytest.raises(Failure) as caught:
        await alone.strategy.after(a_call(alone.clock), [broken])
    assert caught.value is broken


# In flight


@pytest.mark.parametrize("end", End)
async def test_an_answer_is_in_flight_until_it_ends(end: End) -> None:
    stage = Stage(a=1.0)
    reply = await stage.handle()
    assert stage.in_flight() == {"a": 1}
    await reply.close(end)
    assert stage.in_flight() == {"a": 0}
    expected = {End.COMPLETE: 1.0, End.BROKEN: 0.9}
    assert stage.loads.of("a", 0.0).well == pytest.approx(expected.get(end, 1.0))


@pytest.mark.parametrize("kind", [FailureKind.BAD_REQUEST, FailureKind.LIMIT])
async def test_a_failure_that_says_nothing_of_it_is_not_held_against_it(kind: FailureKind) -> None:
    stage = Stage().add("a", fails(kind))
    with pytest.raises(Failure):
        await stage.handle()
    assert stage.loads.of("a", 0.0).well == 1.0
    assert stage.in_flight() == {"a": 0}


@pytest.mark.parametrize("word", [None, STOPPING], ids=["a hang-up", "stopping"])
async def test_a_cancelled_call_is_in_flight_nowhere(word: str | None) -> None:
    stage = Stage().add("a", None)
    task = asyncio.create_task(stage.handle())
    await settle()
    assert stage.in_flight() == {"a": 1}
    task.cancel(word)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ((word,) if word else ())
    assert stage.in_flight() == {"a": 0}


async def test_a_bug_leaves_nothing_in_flight() -> None:
    stage = Stage().add("a", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await stage.handle()
    assert stage.in_flight() == {"a": 0}


@given(st.data())
async def test_the_count_is_exact_whatever_happens(data: st.DataObject) -> None:
    stage = Stage(data.draw(st.integers(0, 2**32)))
    outcomes = st.sampled_from(
        (None, a_reply, lambda: After(1.0, a_reply), fails, lambda: After(1.0, fails()))
    )
    for name in "abc":
        stage.add(name, *data.draw(st.lists(outcomes, min_size=1, max_size=4)))
    tasks = [asyncio.create_task(stage.handle()) for _ in range(data.draw(st.integers(1, 5)))]
    await settle()
    for task in tasks:
        if data.draw(st.booleans()):
            task.cancel()
    stage.clock.pass_time(1.0)
    await settle()
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is None:
            await task.result().close(data.draw(st.sampled_from(End)))
    assert sum(stage.in_flight().values()) == sum(not task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and task.exception() is None:
            await task.result().close(End.LOST)
    assert set(stage.in_flight().values()) == {0}
