"""A call holds its place until its answer has ended, however it ends."""

import asyncio

import pytest

from proxy.core.event import PassedOver
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import End, Reply
from proxy.policy.schema import Limit
from proxy.resilience.attempt.limited import Limited
from proxy.resilience.standing.latency import ENOUGH
from proxy.resilience.standing.state import Standing
from tests.calls import Heard, a_call
from tests.clock import FalseClock, settle
from tests.resilience.parts import Act, Told, a_reply, an_upstream, events_of, failed


class Stage:
    def __init__(self, *acts: Act | None, least_s: float | None = None) -> None:
        self.clock = FalseClock()
        upstream = an_upstream(limit=Limit(concurrency=1, wait=5.0))
        self.standing = Standing(upstream, self.clock, Heard())
        for _ in range(ENOUGH if least_s is not None else 0):
            self.standing.latency.note(least_s or 0.0)
        self.inner = Told(acts)
        self.limited = Limited(self.inner, "openai", self.standing)

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(self.clock, **fields)
        return await self.clock.run(self.limited.handle(self.call))

    async def begin(self) -> "asyncio.Task[Reply]":
        task = asyncio.create_task(self.limited.handle(a_call(self.clock)))
        await settle(task)
        return task

    @property
    def counts(self) -> tuple[int, int]:
        return self.standing.places.in_use, self.standing.places.waiting


@pytest.mark.parametrize("end", End)
async def test_a_place_is_held_until_the_answer_has_ended(end: End) -> None:
    stage = Stage(a_reply())
    reply = await stage.handle()
    assert stage.counts == (1, 0), "an answer that has begun still is one"
    await reply.close(end)
    await reply.close(end)
    assert stage.counts == (0, 0)


@pytest.mark.parametrize("error", [failed(), ZeroDivisionError()])
async def test_what_fails_holds_no_place(error: Exception) -> None:
    stage = Stage(error)
    with pytest.raises(type(error)) as caught:
        await stage.handle()
    assert caught.value is error
    assert stage.counts == (0, 0)


async def test_the_next_one_is_asked_when_the_one_before_has_ended() -> None:
    stage = Stage(a_reply(), a_reply())
    first = await stage.handle()
    waiting = await stage.begin()
    assert len(stage.inner.calls) == 1
    await first.close(End.ABANDONED)
    await (await waiting).close(End.COMPLETE)
    assert len(stage.inner.calls) == 2
    assert stage.counts == (0, 0)


async def test_who_gets_no_place_is_passed_over() -> None:
    stage = Stage(a_reply())
    reply = await stage.handle()
    with pytest.raises(Failure) as caught:
        await stage.handle()
    assert (caught.value.kind, caught.value.sent) == (FailureKind.LIMIT, False)
    assert events_of(stage.call) == [PassedOver("openai", caught.value.message, FailureKind.LIMIT)]
    assert stage.counts == (1, 0)
    await reply.close(End.COMPLETE)


async def test_hanging_up_in_the_queue_asks_nobody_and_holds_nothing() -> None:
    stage = Stage(a_reply())
    reply = await stage.handle()
    waiting = await stage.begin()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await reply.close(End.COMPLETE)
    await settle()
    assert stage.counts == (0, 0)
    assert len(stage.inner.calls) == 1
    assert stage.clock.next_due is None


async def test_hanging_up_while_it_is_asked_gives_the_place_back() -> None:
    stage = Stage(None)
    task = await stage.begin()
    assert stage.counts == (1, 0)
    task.cancel()
    await asyncio.wait([task])
    assert stage.counts == (0, 0)


@pytest.mark.parametrize(
    ("limits", "least_s", "until"),
    [
        ({}, None, 1005.0),
        ({"begin_by": 1003.0}, None, 1003.0),
        ({"end_by": 1003.0}, None, 1003.0),
        ({"begin_by": 1003.0}, 2.0, 1001.0),
        ({"begin_by": 1003.0}, 4.0, 1000.0),
        ({}, 4.0, 1005.0),
    ],
)
async def test_no_wait_for_a_place_that_would_come_too_late(
    limits: dict[str, float], least_s: float | None, until: float
) -> None:
    stage = Stage(a_reply(), least_s=least_s)
    reply = await stage.handle()
    with pytest.raises(Failure):
        await stage.handle(**limits)
    assert stage.clock.now() == until
    await reply.close(End.COMPLETE)
