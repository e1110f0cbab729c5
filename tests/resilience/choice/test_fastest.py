"""Targets asked beside one another: who wins, who is called off, and that nobody runs on."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.call import Call, Operation
from proxy.core.event import Bug, FellBack, Hedged, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import STOPPING, End, Reply
from proxy.policy.schema import Budget, Retry
from proxy.resilience.choice.fastest import Fastest
from tests.calls import a_call
from tests.clock import settle
from tests.resilience.cast import DOWN, Act, After, Cast, fails
from tests.resilience.parts import Chunks, a_reply, events_of

QUOTA = frozenset((FailureKind.QUOTA,))
SLOW = After(60.0, a_reply)
NO_BUDGET = Retry(budget=Budget(ratio=0.0, min_per_second=0.0))


def _late(wait_s: float) -> Act:
    return After(wait_s, a_reply)


class Stage(Cast):
    """Targets by name, in order, each with what it does; a hedge after 2 seconds."""

    def __init__(self, *, after: float | None = 2.0, extra: int | None = None, **acts: Act) -> None:
        super().__init__()
        self.hedge_after_s = after
        self.extra_calls = extra
        for name, act in acts.items():
            self.add(name, act)

    @property
    def strategy(self) -> Fastest:
        return Fastest(self.targets, self.hedge_after_s, self.extra_calls, "fail", self.clock)

    def begin(self, **fields: object) -> "asyncio.Task[Reply]":
        self.call = a_call(self.clock, **fields)
        return asyncio.create_task(self.strategy.handle(self.call))

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        reply = await self.clock.run(self.strategy.handle(self.call))
        self.all_quiet()
        return reply

    async def after_a_second(self) -> Reply:
        """As `handle`, with all that happens within a second happening at the same time."""
        task = self.begin()
        await settle()
        self.clock.pass_time(1.0)
        reply = await task
        self.all_quiet()
        return reply

    async def failure(self, **fields: object) -> Failure:
        self.call = a_call(self.clock, **fields)
        with pytest.raises(Failure) as caught:
            await self.clock.run(self.strategy.handle(self.call))
        self.all_quiet()
        return caught.value

    def all_quiet(self) -> None:
        assert not self.running, "nobody runs on"
        assert self.clock.next_due is None, "no timer is left"
        assert asyncio.all_tasks() == {asyncio.current_task()}, "no task is left"

    @property
    def hedges(self) -> list[tuple[str, str, float]]:
        return [tuple(e) for e in events_of(self.call) if isinstance(e, Hedged)]  # type: ignore[misc]

    @property
    def fell_back(self) -> list[tuple[str, str, FailureKind]]:
        return [tuple(e) for e in events_of(self.call) if isinstance(e, FellBack)]  # type: ignore[misc]


async def test_who_answers_in_time_is_asked_alone() -> None:
    stage = Stage(a=_late(1.9), b=a_reply)
    assert (await stage.handle()).target == "a"
    assert stage.asked == ["a"]
    assert not events_of(stage.call)


async def test_the_next_is_asked_too_while_the_one_before_is_silent() -> None:
    stage = Stage(a=SLOW, b=SLOW, c=_late(1.0))
    reply = await stage.handle()
    assert reply.target == "c"
    assert stage.asked == ["a", "b", "c"]
    assert stage.hedges == [("a", "b", 2.0), ("b", "c", 2.0)]
    assert stage.clock.now() == 1005.0
    assert [stage.roles[name].cancelled for name in "abc"] == [1, 1, 0]
    assert not stage.fell_back, "it was sooner: it took over from nobody"
    assert reply.end is None


async def test_the_first_may_still_win() -> None:
    stage = Stage(a=_late(3.0), b=SLOW)
    assert (await stage.handle()).target == "a"
    assert stage.asked == ["a", "b"]
    assert stage.roles["b"].cancelled == 1


async def test_without_a_figure_it_waits_for_as_long_as_19_of_20_answers_took() -> None:
    stage = Stage(after=None, a=SLOW, b=a_reply)
    for tenths in range(1, 41):
        stage.standing("a").latency.note(tenths / 10)
    await stage.handle()
    assert stage.hedges == [("a", "b", pytest.approx(3.8))]


async def test_while_nobody_knows_how_long_they_take_nobody_is_asked_beside() -> None:
    stage = Stage(after=None, a=SLOW, b=a_reply)
    assert (await stage.handle()).target == "a"
    assert stage.asked == ["a"]
    stage = Stage(after=None).add("local", SLOW, upstream=False).add("b")
    assert (await stage.handle()).target == "local"


async def test_at_zero_all_are_asked_at_once() -> None:
    stage = Stage(after=0.0, a=SLOW, b=SLOW, c=_late(1.0))
    assert (await stage.handle()).target == "c"
    assert stage.clock.now() == 1001.0
    assert stage.hedges == [("a", "b", 0.0), ("b", "c", 0.0)]


async def test_no_more_at_once_than_the_policy_says() -> None:
    stage = Stage(after=0.0, extra=1, a=After(1.0, fails()), b=SLOW, c=_late(1.0), d=a_reply)
    assert (await stage.handle()).target == "c"
    assert stage.asked == ["a", "b", "c"], "c took the place of a"
    stage = Stage(extra=1, a=SLOW, b=SLOW, c=a_reply)
    await stage.handle()
    assert stage.asked == ["a", "b"]


async def test_a_hedge_is_paid_for_by_the_target_that_is_slow() -> None:
    stage = Stage(a=SLOW).add("b", retry=NO_BUDGET)
    await stage.handle()
    assert stage.asked == ["a", "b"]
    stage = Stage().add("a", SLOW, retry=NO_BUDGET).add("b")
    await stage.handle()
    assert stage.asked == ["a"]
    assert not stage.hedges
    stage = Stage().add("a", SLOW, retry=NO_BUDGET).add("local", upstream=False)
    await stage.handle()
    assert stage.asked == ["a", "local"], "it costs nobody anything"


async def test_a_race_and_who_takes_over_from_a_failure_cost_no_budget() -> None:
    stage = Stage(after=0.0, a=SLOW).add("b", _late(1.0), retry=NO_BUDGET)
    await stage.handle()
    assert stage.asked == ["a", "b"]
    stage = Stage(a=fails()).add("b", retry=NO_BUDGET)
    await stage.handle()
    assert stage.asked == ["a", "b"]


async def test_who_fails_is_replaced_at_once() -> None:
    stage = Stage(a=After(1.0, fails()), b=_late(1.0))
    assert (await stage.handle()).target == "b"
    assert stage.clock.now() == 1002.0
    assert stage.fell_back == [("a", "b", DOWN)]
    assert not stage.hedges


async def test_the_next_one_too_has_its_time_to_itself() -> None:
    stage = Stage(a=After(1.0, fails()), b=SLOW, c=a_reply)
    await stage.handle()
    assert stage.hedges == [("b", "c", 2.0)]
    assert stage.clock.now() == 1003.0
    assert stage.fell_back == [("a", "c", DOWN)]


async def test_who_fails_beside_others_is_replaced_only_where_that_leads() -> None:
    stage = Stage(a=SLOW, b=After(1.0, fails())).add("c", SLOW, on=QUOTA).add("d", _late(1.0))
    assert (await stage.handle()).target == "d"
    assert stage.asked == ["a", "b", "d"]
    assert not stage.fell_back, "the first has not failed"


async def test_the_apps_mistake_begins_nobody_and_the_others_are_waited_for() -> None:
    mistake = fails(FailureKind.BAD_REQUEST)
    stage = Stage(after=0.0, extra=1, a=After(1.0, mistake), b=_late(2.0), c=a_reply)
    assert (await stage.handle()).target == "b"
    assert stage.asked == ["a", "b"]
    assert stage.fell_back == [("a", "b", FailureKind.BAD_REQUEST)]
    stage = Stage(a=mistake, b=a_reply)
    assert await stage.failure() is mistake


async def test_a_target_that_slowness_does_not_lead_to_is_not_asked_beside() -> None:
    stage = Stage(after=0.0, a=SLOW).add("b", on=QUOTA).add("c", _late(1.0))
    await stage.handle()
    assert stage.asked == ["a", "c"]


async def test_when_all_have_failed_all_is_told() -> None:
    acts = [After(3.0, fails()), After(2.0, fails(FailureKind.AUTH)), fails(FailureKind.QUOTA)]
    stage = Stage(**dict(zip("abc", acts, strict=True)))
    told = await stage.failure()
    assert isinstance(told, Exhausted)
    assert [(one.target, one.kind) for one in told.failures] == [
        ("a", DOWN),
        ("c", FailureKind.QUOTA),
        ("b", FailureKind.AUTH),
    ], "as they happened"


async def test_two_that_fail_at_the_same_moment_do_not_end_it_for_the_third() -> None:
    """The one beside has failed, and nobody has heard of it when the one here does."""
    stage = Stage(after=0.0, a=After(0.6, fails()), b=After(0.5, fails()), c=_late(3.0))
    task = stage.begin()
    await settle()
    stage.clock.pass_time(1.0)
    await settle()
    assert stage.running == ["c"]
    stage.clock.pass_time(2.0)
    assert (await task).target == "c"
    stage.all_quiet()


async def test_two_that_fail_at_the_same_moment_are_both_told_of_and_replaced() -> None:
    acts = {"a": After(0.6, fails()), "b": After(0.5, fails()), "c": fails(), "d": fails()}
    stage = Stage(after=0.0, extra=1, **acts)
    with pytest.raises(Exhausted) as caught:
        await stage.after_a_second()
    assert sorted(failure.target for failure in caught.value.failures) == ["a", "b", "c", "d"]


async def test_who_cannot_do_it_is_passed_over() -> None:
    stage = Stage(a=Unfit("no key"), b=fails(), c=_late(1.0))
    await stage.handle()
    assert stage.asked == ["a", "b", "c"]
    assert stage.fell_back == [("b", "c", DOWN)]


# Left alone


async def test_who_is_better_left_alone_comes_last_and_is_never_asked_beside() -> None:
    stage = Stage(after=0.0, a=a_reply, b=After(1.0, fails()), c=a_reply, d=After(2.0, fails()))
    stage.sicken("a")
    stage.spend("c")
    reply = await stage.handle()
    assert stage.asked == ["b", "d", "a"]
    assert reply.target == "a"
    told = [event for event in events_of(stage.call) if isinstance(event, PassedOver)]
    assert [event.target for event in told] == ["a", "c"]


async def test_where_all_are_better_left_alone_they_are_asked_in_order() -> None:
    stage = Stage(after=0.0, a=After(1.0, fails()), b=a_reply)
    stage.sicken("a", "b")
    await stage.handle()
    assert stage.asked == ["a", "b"]
    assert not stage.hedges


# What may be asked once, and time


async def test_what_may_have_an_effect_is_never_asked_twice_at_once() -> None:
    stage = Stage(after=0.0, a=SLOW, b=a_reply)
    await stage.handle(operation=Operation.OTHER)
    assert stage.asked == ["a"]
    unsent = fails(FailureKind.NETWORK, sent=False)
    stage = Stage(after=0.0, a=unsent, b=a_reply)
    await stage.handle(operation=Operation.OTHER)
    assert stage.asked == ["a", "b"]


async def test_nobody_is_asked_beside_who_could_not_answer_in_time() -> None:
    stage = Stage(a=SLOW, b=a_reply, c=_late(1.0))
    for _ in range(20):
        stage.standing("b").latency.note(5.0)
    reply = await stage.handle(begin_by=stage.clock.now() + 6.0)
    assert reply.target == "c"
    assert stage.asked == ["a", "c"]


async def test_it_goes_on_where_failures_lead() -> None:
    stage = Stage(after=0.0, a=a_reply, b=SLOW, c=_late(1.0))
    broken = [fails(FailureKind.BROKEN_STREAM, "a")]
    call = a_call(stage.clock)
    reply = await stage.clock.run(stage.strategy.after(call, broken))
    assert reply.target == "c"
    assert stage.asked == ["b", "c"]
    assert not [event for event in events_of(call) if isinstance(event, FellBack)]


# Nobody runs on


@pytest.mark.parametrize("word", [None, STOPPING], ids=["a hang-up", "stopping"])
@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 3.0, 5.0])
async def test_whenever_the_call_is_cancelled_nothing_is_left(
    word: str | None, seconds: float
) -> None:
    """While the first is waited for; with two; with one failed and another begun; with three."""
    stage = Stage(a=After(2.5, fails()), b=None, c=None, d=None)
    task = stage.begin()
    await settle()
    while (due_at := stage.clock.next_due) is not None and due_at <= seconds:
        stage.clock.pass_time(due_at)
        seconds -= due_at
        await settle()
    task.cancel(word)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ((word,) if word else ())
    stage.all_quiet()


@given(st.data())
async def test_it_never_leaves_anything_behind(data: st.DataObject) -> None:
    """Whoever answers, fails, is silent or breaks, in whatever order, and whenever it is cancelled:
    nobody runs on, and every answer but the winner's is closed as lost."""
    waits = st.sampled_from((0.0, 1.0, 2.0, 3.0))
    acts = st.one_of(
        st.none(),
        st.builds(After, waits, st.just(a_reply)),
        st.builds(After, waits, st.builds(fails, st.sampled_from(FailureKind))),
        st.builds(After, waits, st.just(Unfit("no key"))),
    )
    hedge_after = data.draw(st.sampled_from((0.0, 1.0, None)))
    stage = Stage(after=hedge_after, extra=data.draw(st.sampled_from((None, 1))))
    for name in "abcd":
        stage.add(name, data.draw(acts))
        for _ in range(20):
            stage.standing(name).latency.note(1.0)
    stage.sicken(*data.draw(st.sets(st.sampled_from("abcd"))))
    cancel_at = data.draw(st.one_of(st.none(), waits))
    task = stage.begin()
    if cancel_at is not None:
        stage.clock.call_later(cancel_at, lambda: task.cancel(STOPPING))
    while not task.done():
        await settle(task)
        due_at = stage.clock.next_due
        if task.done():
            break
        if due_at is None:
            task.cancel("silent")
        else:
            stage.clock.pass_time(due_at)
    winner = None if task.cancelled() or task.exception() else task.result()
    stage.clock.pass_time(10.0)
    await settle()
    assert not stage.running
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for role in stage.roles.values():
        for reply in role.replies:
            assert reply.end is (None if reply is winner else End.LOST)
    if not task.cancelled() and (error := task.exception()) is not None:
        assert isinstance(error, Failure)


async def test_two_that_answer_at_the_same_time() -> None:
    stage = Stage(after=0.0, a=SLOW, b=_late(1.0), c=_late(1.0))
    reply = await stage.after_a_second()
    assert reply.target == "b"
    assert [stage.roles[name].ends for name in "abc"] == [[], [], [End.LOST]]
    stage = Stage(after=0.0, a=_late(1.0), b=_late(1.0))
    assert (await stage.after_a_second()).target == "a"


async def test_a_failure_at_the_same_time_as_an_answer_begins_nobody() -> None:
    stage = Stage(after=0.0, extra=2, a=SLOW, b=After(1.0, fails()), c=_late(1.0), d=a_reply)
    assert (await stage.after_a_second()).target == "c"
    assert stage.asked == ["a", "b", "c"]


class _Stubborn:
    """A body that takes its time to be closed."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self.may_close = asyncio.Event()
        self.closed = False

    def __aiter__(self) -> Iterator[bytes]:
        raise AssertionError("nobody reads it")

    async def aclose(self) -> None:
        self.closing.set()
        await self.may_close.wait()
        self.closed = True


@pytest.mark.parametrize("word", [None, STOPPING], ids=["a hang-up", "stopping"])
async def test_cancelled_while_the_losers_end(word: str | None) -> None:
    loser, winner = _Stubborn(), Chunks(Cast().clock, b"whole")
    stage = Stage(after=0.0, a=SLOW, b=a_reply(winner), c=a_reply(loser))  # type: ignore[arg-type]
    task = stage.begin()
    await loser.closing.wait()
    task.cancel(word)
    await settle()
    assert not task.done(), "it waits until the loser has ended"
    loser.may_close.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ((word,) if word else ())
    assert loser.closed
    assert winner.closed == 1, "nobody takes the winner's answer any more"
    assert stage.roles["b"].ends == [End.LOST]
    stage.all_quiet()


class _Deaf:
    """A handler that answers although it was called off."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.may_answer = asyncio.Event()

    async def handle(self, call: Call) -> Reply:
        while True:
            try:
                await self.may_answer.wait()
            except asyncio.CancelledError:
                continue
            return self.reply


async def test_who_does_not_listen_holds_up_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.resilience.choice.runners.CALLED_OFF_S", 0.01)
    stage = Stage(after=0.0, a=_late(1.0), b=SLOW)
    body = Chunks(stage.clock, b"late")
    deaf = _Deaf(a_reply(body))
    quick, slow = stage.targets
    stage.targets = (quick, replace(slow, handler=deaf))
    task = stage.begin()
    await settle()
    stage.clock.pass_time(1.0)
    reply = await task
    assert reply.target == "a"
    deaf.may_answer.set()
    await settle()
    assert body.closed == 1
    stage.all_quiet()


async def test_a_bug_stops_everything() -> None:
    stage = Stage(after=0.0, a=SLOW, b=After(1.0, ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await stage.handle()
    stage.all_quiet()
    assert not [event for event in events_of(stage.call) if isinstance(event, Bug)], "it is raised"


async def test_a_bug_of_a_loser_is_told_and_spoils_no_answer() -> None:
    stage = Stage(after=0.0, a=SLOW, b=_late(1.0), c=After(1.0, ZeroDivisionError()))
    assert (await stage.after_a_second()).target == "b"
    (bug,) = [event for event in events_of(stage.call) if isinstance(event, Bug)]
    assert isinstance(bug.error, ZeroDivisionError)
