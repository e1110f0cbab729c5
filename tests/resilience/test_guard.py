"""Every way in which an attempt can end, and what breaker, health and journal learn of it."""

import asyncio

import pytest

from proxy.core.call import Trace
from proxy.core.event import AttemptEnded, AttemptStarted, PassedOver
from proxy.core.failure import TRAITS, Failure, FailureKind
from proxy.core.reply import End
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.breaker import Breaker
from proxy.resilience.guard import Guard
from proxy.resilience.state import Standing
from tests.calls import Heard, a_call
from tests.clock import FalseClock, LoadedDice, settle
from tests.resilience.parts import Act, Told, a_reply, events_of, failed

BLAMED = [kind for kind in FailureKind if TRAITS[kind].blame]
INNOCENT = [kind for kind in FailureKind if not TRAITS[kind].blame]
OF_A_KEY = [FailureKind.AUTH, FailureKind.QUOTA]


class Stage:
    """A guard whose breaker opens at the first failure, so that any blame shows."""

    def __init__(self, *acts: Act | None) -> None:
        self.clock = FalseClock()
        settings = Settings(consecutive=1, open=30.0)
        self.standing = Standing(Breaker("openai", settings, self.clock, Heard()))
        self.inner = Told(acts)
        self.guard = Guard(self.inner, "openai", self.standing, self.clock, LoadedDice())

    @property
    def state(self) -> str:
        return self.standing.breaker.state

    @property
    def counts(self) -> tuple[int, int]:
        report = self.standing.health.report()
        return report.success_count, report.failure_count

    def half_open(self) -> None:
        self.standing.breaker.permit().failed()
        self.clock.pass_time(30.0)


@pytest.mark.parametrize("end", End)
async def test_an_answer_is_judged_by_its_end(end: End) -> None:
    stage = Stage(a_reply())
    reply = await stage.guard.handle(a_call(stage.clock))
    assert stage.counts == (0, 0), "a stream that opened is no success yet"
    await reply.close(end)
    assert stage.counts == (int(end is End.COMPLETE), int(end is End.BROKEN))
    assert stage.state == ("open" if end is End.BROKEN else "closed")


async def test_a_break_that_is_nobodys_fault_is_held_against_nobody() -> None:
    stage = Stage(a_reply())
    reply = await stage.guard.handle(a_call(stage.clock))
    reply.broke = Failure(FailureKind.CONTENT_FILTER, "it stopped itself", in_band=True)
    await reply.close(End.BROKEN)
    assert (stage.state, stage.counts) == ("closed", (0, 0))


@pytest.mark.parametrize("end", End)
async def test_a_probe_frees_its_place_however_it_ends(end: End) -> None:
    stage = Stage(a_reply(), a_reply())
    stage.half_open()
    reply = await stage.guard.handle(a_call(stage.clock))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock))
    await reply.close(end)
    if end is End.BROKEN:
        assert stage.state == "open"
        stage.clock.pass_time(30.0)
    await stage.guard.handle(a_call(stage.clock))


@pytest.mark.parametrize("kind", BLAMED)
async def test_failures_of_the_target_are_held_against_it(kind: FailureKind) -> None:
    stage = Stage(failed(kind))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock, upstream="another"))
    assert stage.counts == (0, 1)
    assert stage.state == "open"


@pytest.mark.parametrize("kind", INNOCENT)
async def test_others_are_not(kind: FailureKind) -> None:
    stage = Stage(failed(kind))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock))
    assert stage.counts == (0, 0)
    assert stage.state == "closed"


@pytest.mark.parametrize("kind", OF_A_KEY)
async def test_a_refusal_of_the_apps_own_key_says_nothing_of_other_keys(kind: FailureKind) -> None:
    stage = Stage(failed(kind), failed(kind))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock, upstream="openai"))
    assert stage.state == "closed"
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock, upstream="another"))
    assert stage.state == "open", "our key for it is the same for every call"


async def test_the_journal_has_each_attempt_with_its_time_and_outcome() -> None:
    stage = Stage(failed(FailureKind.RATE_LIMIT, status=429, retry_after_s=2.0), a_reply())
    call = a_call(stage.clock)
    with pytest.raises(Failure):
        await stage.guard.handle(call)
    await stage.guard.handle(call)
    started, ended, again, answered = events_of(call)
    assert started == AttemptStarted("openai", 1, "gpt-4o", 0)
    assert ended == AttemptEnded(
        "openai", 1, 0.0, 429, FailureKind.RATE_LIMIT, "scripted", retry_after_s=2.0
    )
    assert again == AttemptStarted("openai", 2, "gpt-4o", 0)
    assert answered == AttemptEnded("openai", 2, 0.0, 200)


async def test_latency_is_the_time_until_a_usable_answer() -> None:
    stage = Stage()
    reply = a_reply()

    class Slow:
        async def handle(self, call: object) -> object:
            await stage.clock.sleep(2.0)
            return reply

    guard = Guard(Slow(), "openai", stage.standing, stage.clock, LoadedDice())  # type: ignore[arg-type]
    await stage.clock.run(guard.handle(a_call(stage.clock)))
    stage.clock.pass_time(60.0)
    await reply.close(End.COMPLETE)
    assert stage.standing.health.report().average_latency_ms == pytest.approx(2000)


async def test_while_the_breaker_is_open_nothing_is_asked_and_that_is_told() -> None:
    stage = Stage()
    stage.standing.breaker.permit().failed()
    call = a_call(stage.clock)
    with pytest.raises(Failure) as caught:
        await stage.guard.handle(call)
    assert caught.value.kind is FailureKind.CIRCUIT_OPEN
    assert not stage.inner.calls
    (passed_over,) = events_of(call)
    assert isinstance(passed_over, PassedOver)
    assert (passed_over.target, passed_over.kind) == ("openai", FailureKind.CIRCUIT_OPEN)
    assert passed_over.reason == caught.value.message
    assert call.journal.attempts == 0


@pytest.mark.parametrize("probing", [False, True], ids=["closed", "half-open"])
async def test_a_cancelled_attempt_holds_no_permit_and_blames_nobody(probing: bool) -> None:
    stage = Stage(None, a_reply())
    if probing:
        stage.half_open()
    before, state = stage.counts, stage.state
    task = asyncio.create_task(stage.guard.handle(a_call(stage.clock)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.counts == before
    assert stage.state == ("half_open" if probing else state)
    await stage.guard.handle(a_call(stage.clock))


async def test_a_bug_of_ours_is_not_the_targets_fault() -> None:
    stage = Stage(ZeroDivisionError(), a_reply())
    stage.half_open()
    with pytest.raises(ZeroDivisionError):
        await stage.guard.handle(a_call(stage.clock))
    assert stage.counts == (0, 0)
    await stage.guard.handle(a_call(stage.clock))


async def test_each_attempt_is_a_span_of_its_own() -> None:
    stage = Stage(a_reply())
    trace = Trace(trace_id=1, span_id=99, sampled=True)
    call = a_call(stage.clock, trace=trace)
    await stage.guard.handle(call)
    started = events_of(call)[0]
    assert isinstance(started, AttemptStarted)
    sent = stage.inner.calls[0].trace
    assert sent is not None
    assert sent.span_id == started.span_id != 99
