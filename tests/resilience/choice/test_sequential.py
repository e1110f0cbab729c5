"""Who is asked after whom, and which failure the app is told of."""

import pytest

from proxy.core.call import Operation
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import Reply
from proxy.resilience.choice.sequential import Sequential
from proxy.resilience.standing.quotas import Caller
from tests.calls import a_call
from tests.resilience.cast import DOWN, Act, Cast, fails
from tests.resilience.parts import a_reply, events_of

QUOTA = frozenset((FailureKind.QUOTA,))
OPEN = FailureKind.CIRCUIT_OPEN


class Stage(Cast):
    """Targets by name, in order, each with what it does."""

    def __init__(self, **acts: Act) -> None:
        super().__init__()
        for name, act in acts.items():
            self.add(name, act)

    async def handle(self, when_all_open: str = "fail", **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        strategy = Sequential(self.targets, when_all_open, self.clock)  # type: ignore[arg-type]
        return await strategy.handle(self.call)

    async def failure(self, when_all_open: str = "fail", **fields: object) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.handle(when_all_open, **fields)
        return caught.value

    @property
    def passed_over(self) -> list[tuple[str, FailureKind | None]]:
        told = [event for event in events_of(self.call) if isinstance(event, PassedOver)]
        return [(event.target, event.kind) for event in told]

    @property
    def fell_back(self) -> list[tuple[str, str, FailureKind]]:
        return [tuple(e) for e in events_of(self.call) if isinstance(e, FellBack)]  # type: ignore[misc]


def _told(failure: Failure) -> list[tuple[str, FailureKind]]:
    assert isinstance(failure, Exhausted)
    return [(one.target, one.kind) for one in failure.failures]


async def test_the_first_that_answers() -> None:
    good = a_reply()
    stage = Stage(a=fails(), b=good, c=a_reply())
    assert await stage.handle() is good
    assert stage.asked == ["a", "b"]
    assert events_of(stage.call) == [FellBack("a", "b", DOWN)]


async def test_no_fallback_is_told_of_where_the_first_answers() -> None:
    stage = Stage(a=a_reply(), b=a_reply())
    await stage.handle()
    assert stage.asked == ["a"]
    assert not events_of(stage.call)


@pytest.mark.parametrize("kind", FailureKind)
async def test_by_default_all_but_the_apps_own_mistakes_leads_on(kind: FailureKind) -> None:
    stage = Stage(a=fails(kind), b=a_reply())
    if kind in (FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER):
        assert (await stage.failure()).kind is kind
        assert stage.asked == ["a"]
    else:
        await stage.handle()
        assert stage.asked == ["a", "b"]


async def test_a_target_that_the_failure_does_not_lead_to_is_skipped() -> None:
    stage = Stage(a=fails()).add("b", on=QUOTA).add("c")
    await stage.handle()
    assert stage.asked == ["a", "c"]


async def test_what_a_breaker_opened_for_leads_where_that_would() -> None:
    stage = Stage(a=fails(OPEN, sent=False, cause=FailureKind.QUOTA)).add("b", on=QUOTA)
    await stage.handle()
    assert stage.asked == ["a", "b"]


async def test_one_failure_is_told_as_it_is() -> None:
    only = fails()
    assert await Stage(a=only).failure() is only


async def test_several_failures_are_told_all() -> None:
    failures = [fails(DOWN), fails(FailureKind.AUTH), fails(FailureKind.QUOTA)]
    stage = Stage(**dict(zip("abc", failures, strict=True)))
    exhausted = await stage.failure()
    assert isinstance(exhausted, Exhausted)
    assert exhausted.failures == tuple(failures)


async def test_a_target_that_cannot_do_it_is_passed_over_and_hides_no_failure() -> None:
    down = fails()
    stage = Stage(a=down, b=Unfit("it has no key"), c=Unfit("too large", target="c"))
    assert await stage.failure() is down
    bad = FailureKind.BAD_REQUEST
    assert events_of(stage.call) == [
        PassedOver("b", "it has no key", unfit=bad),
        PassedOver("c", "too large", unfit=bad),
    ]


async def test_a_first_target_that_cannot_do_it_leaves_it_to_the_next() -> None:
    good = a_reply()
    stage = Stage(a=Unfit("it has no key"), b=good)
    assert await stage.handle() is good
    assert not stage.fell_back, "nobody failed"
    stage = Stage(a=Unfit("it has no key"), b=fails(), c=a_reply())
    await stage.handle()
    assert stage.fell_back == [("b", "c", DOWN)]


async def test_where_nobody_can_do_it_the_reasons_are_told() -> None:
    alone = await Stage(a=Unfit("no key")).failure()
    assert isinstance(alone, Unfit)
    assert alone.target == "a"
    both = await Stage(a=Unfit("no key"), b=Unfit("embeddings only")).failure()
    assert isinstance(both, Exhausted)
    assert "no key" in both.message
    assert "embeddings only" in both.message


async def test_what_may_have_had_an_effect_goes_nowhere_else() -> None:
    stage = Stage(a=fails(), b=a_reply())
    assert (await stage.failure(operation=Operation.OTHER)).kind is DOWN
    assert stage.asked == ["a"]


async def test_what_never_left_does() -> None:
    stage = Stage(a=fails(FailureKind.NETWORK, sent=False), b=a_reply())
    await stage.handle(operation=Operation.OTHER)
    assert stage.asked == ["a", "b"]


async def test_a_bug_stops_everything() -> None:
    stage = Stage(a=ZeroDivisionError(), b=a_reply())
    with pytest.raises(ZeroDivisionError):
        await stage.handle()
    assert stage.asked == ["a"]


# Left alone


async def test_who_is_better_left_alone_is_passed_over_while_another_is_not() -> None:
    stage = Stage(a=a_reply(), b=a_reply())
    stage.sicken("a")
    await stage.handle()
    assert stage.asked == ["b"]
    assert stage.passed_over == [("a", OPEN)]
    assert stage.fell_back == [("a", "b", OPEN)]


async def test_a_rate_limit_that_is_used_up_moves_calls_before_they_are_refused() -> None:
    stage = Stage(a=a_reply(), b=a_reply())
    stage.spend("a")
    await stage.handle()
    assert stage.asked == ["b"]
    assert stage.passed_over == [("a", FailureKind.LIMIT)]


async def test_it_is_asked_at_once_where_nobody_else_would_be() -> None:
    alone = Stage(a=a_reply())
    alone.sicken("a")
    await alone.handle()
    assert alone.asked == ["a"]
    assert not events_of(alone.call)
    not_led_to = Stage(a=a_reply()).add("b", on=QUOTA)
    not_led_to.sicken("a")
    await not_led_to.handle()
    assert not_led_to.asked == ["a"]
    both = Stage(a=a_reply(), b=a_reply())
    both.sicken("a", "b")
    await both.handle()
    assert both.asked == ["a"]


async def test_it_is_passed_over_for_one_that_its_last_failures_lead_to() -> None:
    stage = Stage(a=a_reply()).add("b", on=QUOTA)
    stage.sicken("a", kind=FailureKind.QUOTA)
    await stage.handle()
    assert stage.asked == ["b"]


async def test_one_further_down_is_passed_over_for_the_last() -> None:
    stage = Stage(a=fails(), b=a_reply(), c=a_reply())
    stage.sicken("b")
    await stage.handle()
    assert stage.asked == ["a", "c"]
    assert stage.fell_back == [("b", "c", OPEN)]


async def test_who_was_passed_over_is_asked_after_all_where_nobody_else_answers() -> None:
    stage = Stage(a=a_reply(), b=a_reply(), c=fails(), d=fails(FailureKind.AUTH))
    stage.sicken("a")
    stage.spend("b")
    await stage.handle()
    assert stage.asked == ["c", "d", "a"]
    assert stage.passed_over == [("a", OPEN), ("b", FailureKind.LIMIT)]
    assert not stage.fell_back, "the first answered"
    stage = Stage(a=fails(), b=a_reply(), c=fails())
    stage.sicken("a", "b")
    await stage.handle()
    assert stage.asked == ["c", "a", "b"]
    assert stage.fell_back == [("a", "b", DOWN)]


async def test_what_is_told_in_the_end_is_how_those_failed_that_were_asked() -> None:
    stage = Stage(a=fails(), b=fails(FailureKind.NETWORK), c=fails(FailureKind.AUTH))
    stage.sicken("a")
    stage.shut("b")
    assert _told(await stage.failure()) == [
        ("b", OPEN),
        ("c", FailureKind.AUTH),
        ("a", DOWN),
    ], "b was never asked: its breaker is open"
    assert stage.asked == ["c", "a"]


async def test_the_apps_mistake_is_found_out_once() -> None:
    mistake = fails(FailureKind.BAD_REQUEST)
    stage = Stage(a=a_reply(), b=mistake)
    stage.sicken("a")
    assert _told(await stage.failure()) == [("a", OPEN), ("b", FailureKind.BAD_REQUEST)]
    assert stage.asked == ["b"]


async def test_what_may_have_had_an_effect_is_not_asked_of_who_was_passed_over() -> None:
    stage = Stage(a=a_reply(), b=fails())
    stage.sicken("a")
    await stage.failure(operation=Operation.OTHER)
    assert stage.asked == ["b"]


async def test_one_that_could_not_do_it_was_no_reason_to_pass_another_over() -> None:
    stage = Stage(a=a_reply(), b=Unfit("no key"))
    stage.sicken("a")
    await stage.handle()
    assert stage.asked == ["b", "a"]
    assert not stage.fell_back


async def test_a_trial_is_taken_by_the_call_that_asks() -> None:
    stage = Stage(a=fails(), b=a_reply())
    stage.sicken("a")
    stage.clock.pass_time(30.0)
    await stage.handle()
    assert stage.asked == ["a", "b"]
    await stage.handle()
    assert stage.asked == ["a", "b", "b"]


async def test_nobody_takes_a_trial_who_does_not_use_it() -> None:
    stage = Stage(a=a_reply(), b=a_reply())
    stage.sicken("b")
    stage.clock.pass_time(30.0)
    await stage.handle()
    assert stage.standing("b").aside(Caller(a_call()), "gpt-4o") is None


async def test_it_is_told_once_that_one_was_passed_over() -> None:
    stage = Stage(a=a_reply(), b=a_reply(), c=a_reply())
    stage.sicken("a")
    await stage.handle()
    strategy = Sequential(stage.targets, "fail", stage.clock)
    await strategy.after(stage.call, [fails(FailureKind.BROKEN_STREAM, "b")])
    assert stage.asked == ["b", "c"]
    assert stage.passed_over == [("a", OPEN)]


# All breakers open


async def test_where_all_breakers_are_open_nobody_is_asked() -> None:
    stage = Stage(a=a_reply(), b=a_reply())
    stage.shut("a", "b")
    assert (await stage.failure()).kind is OPEN


async def test_where_the_policy_says_try_the_one_whose_time_is_nearest_is() -> None:
    stage = Stage(a=a_reply(), b=a_reply(), c=a_reply())
    stage.shut("b", "a", "c")
    await stage.handle("try")
    insisted = [(name, stage.roles[name].calls[-1].insist) for name in stage.asked[-1:]]
    assert insisted == [("b", True)]


async def test_it_is_tried_once_and_its_failure_is_told() -> None:
    stage = Stage(a=fails(), b=fails(FailureKind.NETWORK))
    stage.shut("b", "a")
    told = _told(await stage.failure("try"))
    assert told == [("a", OPEN), ("b", FailureKind.NETWORK)]


async def test_nobody_insists_where_somebody_could_be_asked() -> None:
    stage = Stage(a=a_reply(), b=fails(FailureKind.RATE_LIMIT))
    stage.shut("a")
    await stage.failure("try")
    assert stage.asked == ["b"]
    stage = Stage(a=Unfit("no key"))
    await stage.failure("try")
    assert stage.asked == ["a"]


# Time


async def test_who_has_no_standing_is_not_begun_when_the_time_is_up() -> None:
    stage = Stage(a=fails()).add("local", upstream=False)
    now = stage.clock.now()
    assert _told(await stage.failure(begin_by=now)) == [
        ("a", DOWN),
        ("local", FailureKind.TIMEOUT_TOTAL),
    ]
    assert stage.asked == ["a"]
    assert stage.passed_over == [("local", FailureKind.TIMEOUT_TOTAL)]
    stage = Stage(a=fails()).add("local", upstream=False)
    await stage.handle(begin_by=now + 1, end_by=now + 5)
    assert stage.asked == ["a", "local"]


# After failures from before


async def test_it_goes_on_where_failures_lead() -> None:
    stage = Stage(a=a_reply(), b=a_reply()).add("c", on=QUOTA).add("d")
    strategy = Sequential(stage.targets, "fail", stage.clock)
    call = a_call(stage.clock)
    await strategy.after(call, [fails(FailureKind.BROKEN_STREAM, "b")])
    assert stage.asked == ["a"], "anybody but b"
    broken = [fails(FailureKind.BROKEN_STREAM, "a"), fails(FailureKind.BROKEN_STREAM, "b")]
    await strategy.after(call, broken)
    assert stage.asked == ["a", "d"]
    assert not events_of(call), "what the answer is for is not known here"


async def test_where_nobody_goes_on_the_failures_from_before_are_told_too() -> None:
    stage = Stage(a=a_reply(), b=fails())
    strategy = Sequential(stage.targets, "try", stage.clock)
    broken = fails(FailureKind.BROKEN_STREAM, "a")
    with pytest.raises(Exhausted) as caught:
        await strategy.after(a_call(stage.clock), [broken])
    assert _told(caught.value) == [("a", FailureKind.BROKEN_STREAM), ("b", DOWN)]
    with pytest.raises(Failure) as told:
        await strategy.after(a_call(stage.clock, operation=Operation.OTHER), [broken])
    assert told.value is broken
