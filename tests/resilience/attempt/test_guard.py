"""Every way in which an attempt can end, and what breaker, health and journal learn of it."""

import asyncio

import pytest

from proxy.core.call import Trace
from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    AttemptStarted,
    BreakerMoved,
    PassedOver,
)
from proxy.core.failure import TRAITS, Failure, FailureKind, Refusal
from proxy.core.reply import End
from proxy.policy.schema import Breaker as Settings
from proxy.policy.schema import Limit
from proxy.resilience.attempt.guard import BYTES_PER_TOKEN, Guard
from proxy.resilience.standing.breaker import SLOWNESS
from proxy.resilience.standing.quotas import Caller
from proxy.resilience.standing.state import Standing
from tests.calls import Heard, a_call
from tests.clock import FalseClock, LoadedDice, settle
from tests.resilience.parts import Act, Told, a_reply, an_upstream, events_of, failed

BLAMED = [kind for kind in FailureKind if TRAITS[kind].blame]
INNOCENT = [kind for kind in FailureKind if not TRAITS[kind].blame]
OF_A_KEY = [FailureKind.AUTH, FailureKind.QUOTA]


class Stage:
    """A guard whose breaker opens at the first failure, so that any blame shows."""

    def __init__(self, *acts: Act | None, learn: bool = True, **breaker: object) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        settings = Settings(**{"consecutive": 1, "open": 30.0, **breaker})  # type: ignore[arg-type]
        upstream = an_upstream(breaker=settings, limit=Limit(learn=learn))
        self.standing = Standing(upstream, self.clock, self.heard)
        self.inner = Told(acts)
        self.guard = Guard(self.inner, "openai", self.standing, self.clock, LoadedDice())

    @property
    def state(self) -> str:
        return self.standing.breaker.state

    @property
    def counts(self) -> tuple[int, int]:
        report = self.standing.health.report()
        return report.success_count, report.failure_count

    @property
    def measured_s(self) -> float | None:
        return self.standing.latency.average_s

    def open(self) -> None:
        self.standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)

    def half_open(self) -> None:
        self.open()
        self.clock.pass_time(30.0)


@pytest.mark.parametrize("end", End)
async def test_an_answer_is_judged_by_its_end(end: End) -> None:
    stage = Stage(a_reply())
    reply = await stage.guard.handle(a_call(stage.clock))
    assert stage.counts == (0, 0), "a stream that opened is no success yet"
    await reply.close(end)
    assert stage.counts == (int(end is End.COMPLETE), int(end is End.BROKEN))
    assert stage.state == ("open" if end is End.BROKEN else "closed")


@pytest.mark.parametrize(
    "failure",
    [
        Failure(FailureKind.CONTENT_FILTER, "it stopped itself", in_band=True),
        Failure(FailureKind.TIMEOUT_TOTAL, "the app waits no longer", blameless=True),
        Failure(FailureKind.QUOTA, "the app's own credit", in_band=True),
    ],
    ids=lambda failure: failure.kind.value,
)
async def test_a_break_that_is_not_the_targets_fault_is_not_held_against_it(
    failure: Failure,
) -> None:
    stage = Stage(a_reply())
    reply = await stage.guard.handle(a_call(stage.clock))
    reply.broke = failure
    await reply.close(End.BROKEN)
    assert (stage.state, stage.counts) == ("closed", (0, 0))


async def test_a_break_is_remembered_by_its_kind() -> None:
    stage = Stage(a_reply(), a_reply())
    for broke in (None, failed(FailureKind.TIMEOUT_IDLE, retry_after_s=90.0)):
        reply = await stage.guard.handle(a_call(stage.clock))
        reply.broke = broke
        await reply.close(End.BROKEN)
        kind = broke.kind if broke else FailureKind.BROKEN_STREAM
        assert stage.standing.breaker.cause is kind
        assert stage.standing.health.last_kind is kind
        stage.clock.pass_time(30.0)
    assert stage.standing.breaker.retry_after_s == 60.0


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
    assert stage.standing.breaker.cause is kind
    assert stage.standing.health.last_kind is kind
    assert stage.measured_s is None


@pytest.mark.parametrize("kind", BLAMED)
async def test_those_that_our_deadline_made_are_not(kind: FailureKind) -> None:
    stage = Stage(failed(kind, blameless=True), a_reply())
    stage.half_open()
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock, upstream="another"))
    assert (stage.counts, stage.state, stage.measured_s) == ((0, 0), "half_open", None)
    await stage.guard.handle(a_call(stage.clock))


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
    assert stage.measured_s == pytest.approx(2.0), "known before the answer's end"
    await reply.close(End.COMPLETE)
    assert stage.standing.health.report().average_latency_ms == pytest.approx(2000)
    assert stage.measured_s == pytest.approx(2.0)


async def test_while_the_breaker_is_open_nothing_is_asked_and_that_is_told() -> None:
    stage = Stage()
    stage.open()
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


@pytest.mark.parametrize("turns", range(7))
async def test_whenever_it_is_cancelled_the_probes_place_is_free_again(turns: int) -> None:
    stage = Stage()
    stage.half_open()

    class InSteps:
        async def handle(self, call: object) -> object:
            for _ in range(4):
                await asyncio.sleep(0)
            return a_reply()

    guard = Guard(InSteps(), "openai", stage.standing, stage.clock, LoadedDice())  # type: ignore[arg-type]
    task = asyncio.create_task(guard.handle(a_call(stage.clock)))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    if not isinstance(ended, BaseException):
        await ended.close(End.LOST)
    stage.standing.breaker.permit()
    with pytest.raises(Failure):
        stage.standing.breaker.permit()
    assert stage.counts == (0, 0)


async def test_an_attempt_that_was_cancelled_is_told_as_that() -> None:
    stage = Stage(None)
    call = a_call(stage.clock)
    task = asyncio.create_task(stage.guard.handle(call))
    await settle()
    stage.clock.pass_time(3.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events_of(call)[1:] == [AttemptCancelled("openai", 1, 3.0)]
    assert call.journal.failures == 0
    assert stage.measured_s is None


@pytest.mark.parametrize("end", [End.LOST, End.ABANDONED])
async def test_an_answer_that_nobody_took_to_its_end_is_neither_well_nor_badly_done(
    end: End,
) -> None:
    stage = Stage(a_reply(), a_reply(), min_calls=1, slow_call=0.001)
    stage.standing.health.failed(FailureKind.NETWORK, "before")
    reply = await stage.guard.handle(a_call(stage.clock))
    reply.broke = failed(FailureKind.BROKEN_STREAM)  # whatever was said of it
    stage.clock.pass_time(5.0)
    await reply.close(end)
    assert (stage.state, stage.counts) == ("closed", (0, 1))
    assert stage.standing.health.report().consecutive_failures == 1


@pytest.mark.parametrize("how", ["well", "badly", "broken"])
async def test_what_is_slow_is_told_to_the_breaker_as_slow_however_it_ends(how: str) -> None:
    stage = Stage(consecutive=9, min_calls=2, failure_rate=1.0, slow_call=2.0, slow_rate=1.0)
    stage.standing.breaker.permit().succeeded(2.0)
    reply = a_reply()

    class Slow:
        async def handle(self, call: object) -> object:
            await stage.clock.sleep(2.0)
            if how == "badly":
                raise failed()
            return reply

    guard = Guard(Slow(), "openai", stage.standing, stage.clock, LoadedDice())  # type: ignore[arg-type]
    if how == "badly":
        with pytest.raises(Failure):
            await stage.clock.run(guard.handle(a_call(stage.clock)))
    else:
        await stage.clock.run(guard.handle(a_call(stage.clock)))
        assert stage.state == "closed"
        await reply.close(End.COMPLETE if how == "well" else End.BROKEN)
    assert (stage.state, stage.standing.breaker.cause) == ("open", SLOWNESS)


async def test_a_call_that_must_insist_is_let_through_an_open_breaker() -> None:
    stage = Stage(failed(), a_reply())
    stage.open()
    call = a_call(stage.clock, insist=True)
    with pytest.raises(Failure) as caught:
        await stage.guard.handle(call)
    assert caught.value.kind is FailureKind.UNAVAILABLE
    assert (stage.state, stage.standing.breaker.retry_after_s) == ("open", 30.0)
    reply = await stage.guard.handle(call)
    assert stage.state == "open"
    await reply.close(End.COMPLETE)
    assert stage.state == "closed"
    assert [event.after for event in stage.heard.events if isinstance(event, BreakerMoved)] == [
        "open",
        "half_open",
        "closed",
    ]


async def test_how_long_the_provider_wishes_to_be_left_alone_is_told_to_the_breaker() -> None:
    stage = Stage(failed(retry_after_s=120.0))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock))
    assert stage.standing.breaker.retry_after_s == 120.0


LIMITS = {
    "x-ratelimit-remaining-requests": "1",
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-reset-requests": "20s",
}


async def test_what_an_answer_says_of_rate_limits_is_learned_and_what_is_sent_is_taken_off() -> (
    None
):
    answer = a_reply()
    answer.headers.extend(LIMITS)  # type: ignore[attr-defined]
    stage = Stage(answer, a_reply())
    await stage.guard.handle(a_call(stage.clock))
    assert stage.standing.quotas.share == pytest.approx(0.01)
    assert stage.standing.quotas.spent_s is None
    await stage.guard.handle(a_call(stage.clock))
    assert stage.standing.quotas.spent_s == 20.0


@pytest.mark.parametrize("refused", [False, True])
async def test_what_was_sent_while_an_answer_was_on_its_way_is_taken_off_too(
    refused: bool,
) -> None:
    stage = Stage()
    answer = a_reply()
    answer.headers.extend(LIMITS)  # type: ignore[attr-defined]

    quota = stage.standing.quotas.of(Caller(a_call()), "gpt-4o")

    class Overtaken:
        async def handle(self, call: object) -> object:
            quota.take(0)
            if refused:
                raise failed(refusal=Refusal(503, answer.headers, b""))
            return answer

    guard = Guard(Overtaken(), "openai", stage.standing, stage.clock, LoadedDice())  # type: ignore[arg-type]
    if refused:
        with pytest.raises(Failure):
            await guard.handle(a_call(stage.clock))
    else:
        await guard.handle(a_call(stage.clock))
    assert stage.standing.quotas.spent_s == 20.0, "the one that was left"


async def test_a_body_takes_about_a_quarter_of_its_bytes_in_tokens() -> None:
    answer = a_reply()
    answer.headers.extend(  # type: ignore[attr-defined]
        {"x-ratelimit-remaining-tokens": "1000", "x-ratelimit-limit-tokens": "1000"}
    )
    stage = Stage(answer, a_reply())
    await stage.guard.handle(a_call(stage.clock))
    await stage.guard.handle(a_call(stage.clock, body=b"x" * 400 * BYTES_PER_TOKEN))
    assert stage.standing.quotas.share == pytest.approx(0.6)


async def test_a_refusal_tells_of_rate_limits_too() -> None:
    refusal = Refusal(429, a_reply().headers, b"")
    refusal.headers.extend({**LIMITS, "x-ratelimit-remaining-requests": "0"})  # type: ignore[attr-defined]
    stage = Stage(failed(FailureKind.RATE_LIMIT, refusal=refusal))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock))
    assert stage.standing.quotas.spent_s == 20.0


@pytest.mark.parametrize("mid_stream", [False, True])
async def test_a_rate_limit_with_a_wait_is_none_of_the_breakers_business(mid_stream: bool) -> None:
    failure = failed(FailureKind.RATE_LIMIT, retry_after_s=7.0)
    stage = Stage(a_reply() if mid_stream else failure)
    if mid_stream:
        reply = await stage.guard.handle(a_call(stage.clock))
        reply.broke = failure
        await reply.close(End.BROKEN)
    else:
        with pytest.raises(Failure):
            await stage.guard.handle(a_call(stage.clock))
    assert stage.standing.quotas.spent_s == 7.0
    assert (stage.state, stage.counts) == ("closed", (0, 0))


async def test_nothing_is_learned_where_the_policy_does_not_want_it() -> None:
    answer = a_reply()
    answer.headers.extend({**LIMITS, "x-ratelimit-remaining-requests": "0"})  # type: ignore[attr-defined]
    refusal = Refusal(429, answer.headers, b"")
    rate_limit = failed(FailureKind.RATE_LIMIT, refusal=refusal, retry_after_s=7.0)
    stage = Stage(answer, rate_limit, learn=False)
    await stage.guard.handle(a_call(stage.clock))
    with pytest.raises(Failure):
        await stage.guard.handle(a_call(stage.clock))
    assert (stage.standing.quotas.spent_s, stage.standing.quotas.share) == (None, 1.0)


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
