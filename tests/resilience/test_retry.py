"""The same target again: when, how often, after which wait."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from proxy.core.call import Operation
from proxy.core.event import Retrying
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Reply
from proxy.policy.schema import Backoff
from proxy.policy.schema import Retry as Settings
from proxy.resilience.retry import Retry, may_repeat
from tests.calls import a_call
from tests.clock import FalseClock, LoadedDice, settle
from tests.resilience.parts import Act, Told, a_reply, events_of, failed

EXACT = Backoff(initial=1.0, factor=2.0, max=3.0)


class Stage:
    def __init__(self, *acts: Act | None, attempts: int = 9, dice: float = 1.0) -> None:
        self.clock = FalseClock()
        self.inner = Told(acts, clock=self.clock)
        settings = Settings(attempts=attempts, backoff=EXACT)
        self.retry = Retry(self.inner, "openai", settings, self.clock, LoadedDice(dice))

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        return await self.clock.run(self.retry.handle(self.call))

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
