"""The same target again: when, how often, after which wait."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import AttemptStarted, NoRetry, PassedOver, Retrying, RetryRefused
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Reply
from proxy.policy.schema import Backoff, Budget
from proxy.policy.schema import Retry as Settings
from proxy.resilience.attempt.retry import Retry, may_repeat
from proxy.resilience.standing.latency import ENOUGH
from proxy.resilience.standing.state import Standing
from tests.calls import Heard, a_call
from tests.clock import FalseClock, LoadedDice, settle
from tests.resilience.parts import Act, Told, a_reply, an_upstream, events_of, failed

EXACT = Backoff(initial=1.0, factor=2.0, max=3.0)


class Stage:
    def __init__(
        self,
        *acts: Act | None,
        attempts: int = 9,
        dice: float = 1.0,
        budget: Budget | None = None,
        least_s: float | None = None,
    ) -> None:
        self.clock = FalseClock()
        self.inner = Told(acts, clock=self.clock)
        settings = Settings(attempts=attempts, backoff=EXACT, budget=budget or Budget())
        self.standing = Standing(an_upstream(retry=settings), self.clock, Heard())
        for _ in range(ENOUGH if least_s is not None else 0):
            self.standing.latency.note(least_s or 0.0)
        dices = LoadedDice(dice)
        self.retry = Retry(self.inner, "openai", self.standing, settings, self.clock, dices)

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        return await self.clock.run(self.retry.handle(self.call))

    async def failure(self, **fields: object) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.handle(**fields)
        return caught.value

    def told(self, kind: type) -> list[object]:
        return [event for event in events_of(self.call) if isinstance(event, kind)]

    @property
    def waits(self) -> list[float]:
        at = self.inner.at
        return [after - before for before, after in pairwise(at)]


async def _rest() -> AsyncIterator[bytes]:
    yield b"more"


async def test_it_waits_longer_each_time_up_to_the_maximum() -> None:
    good = a_reply()
    stage = Stage(*[failed() for _ in range(4)], good)
    assert await stage.handle() is good
    assert stage.waits == [1.0, 2.0, 3.0, 3.0]
    told = [event for event in events_of(stage.call) if isinstance(event, Retrying)]
    assert [event.wait_s for event in told] == [1.0, 2.0, 3.0, 3.0]
    assert {event.kind for event in told} == {FailureKind.UNAVAILABLE}


async def test_the_last_failure_comes_out_when_no_attempt_is_left() -> None:
    failures = [failed() for _ in range(3)]
    stage = Stage(*failures, attempts=3)
    with pytest.raises(Failure) as caught:
        await stage.handle()
    assert caught.value is failures[-1]
    assert len(stage.inner.calls) == 3
    assert len(stage.waits) == 2, "no wait after the last"


async def test_a_providers_hint_is_waited_for() -> None:
    stage = Stage(failed(FailureKind.RATE_LIMIT, retry_after_s=7.5), a_reply(), dice=0.0)
    await stage.handle()
    assert stage.waits == [7.5]


async def test_a_hint_that_is_too_long_ends_it_at_once() -> None:
    stage = Stage(failed(FailureKind.RATE_LIMIT, retry_after_s=60.0))
    with pytest.raises(Failure) as caught:
        await stage.handle()
    assert caught.value.retry_after_s == 60.0, "and is passed on"
    assert stage.clock.now() == 1000.0


@pytest.mark.parametrize(
    "kind", [FailureKind.AUTH, FailureKind.BAD_REQUEST, FailureKind.TIMEOUT_TOTAL]
)
async def test_what_will_not_pass_is_not_tried_again(kind: FailureKind) -> None:
    stage = Stage(failed(kind))
    with pytest.raises(Failure):
        await stage.handle()
    assert len(stage.inner.calls) == 1


async def test_every_attempt_gets_the_very_call_of_the_app() -> None:
    stage = Stage(failed(), failed(), a_reply())
    await stage.handle()
    assert all(call is stage.call for call in stage.inner.calls)


async def test_what_may_have_had_an_effect_is_not_sent_twice() -> None:
    stage = Stage(failed())
    with pytest.raises(Failure):
        await stage.handle(operation=Operation.OTHER)
    assert len(stage.inner.calls) == 1


async def test_what_never_left_may_be_sent_again_whatever_it_is() -> None:
    stage = Stage(failed(FailureKind.NETWORK, sent=False), a_reply())
    await stage.handle(operation=Operation.OTHER)
    assert len(stage.inner.calls) == 2


def test_a_body_that_was_not_kept_can_go_elsewhere_until_it_was_begun() -> None:
    call = a_call(FalseClock(), rest=_rest())
    assert may_repeat(call, failed(sent=False))
    assert not may_repeat(call, failed())


async def test_a_breaker_that_opens_between_attempts_does_not_hide_why() -> None:
    first = failed(FailureKind.UNAVAILABLE, status=503)
    stage = Stage(first, failed(FailureKind.CIRCUIT_OPEN, sent=False, retry_after_s=30.0))
    with pytest.raises(Failure) as caught:
        await stage.handle()
    assert caught.value is first
    assert caught.value.__cause__ is None


async def test_a_breaker_that_is_open_at_the_first_attempt_is_the_failure() -> None:
    stage = Stage(failed(FailureKind.CIRCUIT_OPEN, sent=False, retry_after_s=30.0))
    with pytest.raises(Failure) as caught:
        await stage.handle()
    assert caught.value.kind is FailureKind.CIRCUIT_OPEN
    assert stage.clock.now() == 1000.0


async def test_a_bug_is_never_tried_again() -> None:
    stage = Stage(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await stage.handle()
    assert len(stage.inner.calls) == 1


async def test_hanging_up_ends_the_wait() -> None:
    stage = Stage(failed(), a_reply())
    task = asyncio.create_task(stage.retry.handle(a_call(stage.clock)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stage.clock.pass_time(60.0)
    await settle()
    assert len(stage.inner.calls) == 1


STRICT = Budget(ratio=0.2, min_per_second=0.0)
REFUSED = RetryRefused("openai", FailureKind.UNAVAILABLE, NoRetry.BUDGET)


async def test_a_retry_is_paid_for() -> None:
    stage = Stage(*[failed() for _ in range(6)], a_reply(), attempts=2, budget=STRICT)
    for _ in range(4):
        await stage.failure()
        assert stage.told(RetryRefused) == [REFUSED]
        assert not stage.told(Retrying), "what is not made is not told of"
    assert len(stage.inner.calls) == 4
    await stage.failure()
    assert len(stage.inner.calls) == 6, "five requests pay for one"


async def test_a_retry_of_the_apps_own_pays_for_nothing() -> None:
    stage = Stage(*[failed() for _ in range(10)], attempts=2, budget=STRICT)
    for count in ("0", "1", "2", "1", "1", "1"):
        await stage.failure(headers=CIMultiDict({"x-stainless-retry-count": count}))
        assert stage.told(RetryRefused) == [REFUSED]
    assert len(stage.inner.calls) == 6


async def test_what_cannot_be_in_time_costs_the_budget_nothing() -> None:
    stage = Stage(*[failed() for _ in range(11)], attempts=2, budget=STRICT)
    for _ in range(5):
        await stage.failure(begin_by=1000.5)
    assert stage.told(RetryRefused) == [
        RetryRefused("openai", FailureKind.UNAVAILABLE, NoRetry.TIME)
    ]
    assert stage.standing.budget.withdraw()
    assert not stage.standing.budget.withdraw()


@pytest.mark.parametrize(
    ("floor", "most"), [(0.0, 1.2), (10.0, 1.2 + 10.0 * 70 / 6000)], ids=["strict", "by default"]
)
async def test_when_everything_fails_no_provider_bears_much_more_than_without_us(
    floor: float, most: float
) -> None:
    """Six thousand requests in a minute, four attempts allowed for each, and not one works."""
    requests = 6000
    budget = Budget(ratio=0.2, min_per_second=floor)
    stage = Stage(*[failed() for _ in range(4 * requests)], attempts=4, budget=budget)
    calls = []
    for _ in range(requests):
        calls.append(asyncio.create_task(stage.retry.handle(a_call(stage.clock))))
        stage.clock.pass_time(0.01)
        if len(calls) % 100 == 0:
            await settle()
    await stage.clock.run(asyncio.wait(calls))
    asked = len(stage.inner.calls)
    assert requests * 1.19 < asked <= requests * most
    assert all(isinstance(call.exception(), Failure) for call in calls)


async def test_one_that_fails_seldom_is_asked_again_each_time() -> None:
    outcome: list[Act] = [failed(), a_reply(), *[a_reply() for _ in range(9)]] * 50
    stage = Stage(*outcome, attempts=2, budget=STRICT)
    refused = 0
    for _ in range(500):
        try:
            await stage.handle()
        except Failure:
            refused += 1
    assert refused <= 1, "but for the very first: nobody had paid yet"


@pytest.mark.parametrize(
    ("begin_by", "least_s", "asked"),
    [(1001.01, None, 2), (1001.0, None, 1), (1003.01, 2.0, 2), (1003.0, 2.0, 1)],
)
async def test_no_attempt_that_could_not_end_in_time(
    begin_by: float, least_s: float | None, asked: int
) -> None:
    stage = Stage(failed(), a_reply(), least_s=least_s)
    if asked == 2:
        await stage.handle(begin_by=begin_by)
    else:
        failure = await stage.failure(begin_by=begin_by)
        assert failure.kind is FailureKind.UNAVAILABLE, "that is why it failed"
        assert stage.clock.now() == 1000.0, "and the next target is asked at once"
    assert len(stage.inner.calls) == asked


async def test_a_call_that_has_to_be_whole_soon_has_to_begin_sooner() -> None:
    stage = Stage(failed())
    await stage.failure(end_by=1000.5)
    assert len(stage.inner.calls) == 1


async def test_when_the_time_is_up_nobody_is_asked() -> None:
    stage = Stage(budget=Budget(ratio=1.0, min_per_second=0.0))
    failure = await stage.failure(begin_by=1000.0)
    assert (failure.kind, failure.sent, failure.blameless) == (
        FailureKind.TIMEOUT_TOTAL,
        False,
        True,
    )
    assert failure.message == "the time for the whole call was up before it could be asked"
    assert stage.told(PassedOver) == [
        PassedOver("openai", failure.message, FailureKind.TIMEOUT_TOTAL)
    ]
    assert not stage.standing.budget.withdraw(), "and that is no request"


async def test_who_is_asked_second_has_to_be_fast_enough() -> None:
    stage = Stage(a_reply(), least_s=5.0)
    stage.call = a_call(stage.clock, begin_by=1004.0)
    stage.call.journal.tell(AttemptStarted("other", 1, None, 0))
    with pytest.raises(Failure) as caught:
        await stage.clock.run(stage.retry.handle(stage.call))
    assert caught.value.blameless
    assert not stage.inner.calls


async def test_who_is_asked_first_may_be_faster_than_ever() -> None:
    stage = Stage(a_reply(), least_s=5.0)
    await stage.handle(begin_by=1004.0)


async def test_no_place_for_another_attempt_does_not_hide_why_it_was_due() -> None:
    first = failed(FailureKind.NETWORK)
    stage = Stage(first, failed(FailureKind.LIMIT, sent=False))
    assert await stage.failure() is first


async def test_where_the_provider_says_no_it_is_not_asked_again() -> None:
    stage = Stage(failed(FailureKind.RATE_LIMIT, should_retry=False, retry_after_s=1.0))
    await stage.failure()
    assert stage.clock.now() == 1000.0


@pytest.mark.parametrize(
    "kind",
    [kind for kind in FailureKind if kind.startswith("timeout")],
)
async def test_who_was_silent_is_not_asked_again(kind: FailureKind) -> None:
    await Stage(failed(kind)).failure()


async def test_that_it_was_asked_often_enough_is_told() -> None:
    stage = Stage(failed(), failed(), attempts=2)
    await stage.failure()
    assert stage.told(RetryRefused) == [
        RetryRefused("openai", FailureKind.UNAVAILABLE, NoRetry.ATTEMPTS)
    ]
