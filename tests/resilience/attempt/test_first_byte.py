"""What is held back, for how long, and what it is worth."""

import asyncio
from typing import Any

import orjson
import pytest

from proxy.core.call import Call, Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import End, Reply, Whole
from proxy.dialects.recognise import dialect_named
from proxy.policy.schema import Timeout
from proxy.resilience.attempt.first_byte import HELD_BYTES, FirstByte
from proxy.resilience.stream.patience import PatientBody
from tests.calls import a_call
from tests.clock import FalseClock, settle
from tests.plays.stage import DONE, HELLO, ROLE, STOP, WHOLE_STREAM, delta, error, said, sse
from tests.resilience.parts import Chunks, Told, a_reply, events_of

TIMEOUT = Timeout(first_byte=5.0, idle=3.0, total=20.0)
STREAM = "text/event-stream"


class Stage:
    """FirstByte around one answer."""

    def __init__(
        self,
        *steps: Any,
        status: int = 200,
        kind: str = "application/json",
        dialect: str = "openai",
    ) -> None:
        self.clock = FalseClock()
        self.body = Chunks(self.clock, *steps)
        inner = Told([a_reply(self.body, status, kind)])
        named = dialect_named(dialect)
        self.layer = FirstByte(inner, "openai", named, TIMEOUT, self.clock)

    async def handle(self, **fields: Any) -> Reply:
        self.call: Call = a_call(self.clock, **fields)
        return await self.clock.run(self.layer.handle(self.call))

    async def failure(self, **fields: Any) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.handle(**fields)
        assert caught.value.target == "openai"
        assert self.body.closed, "an answer that is not passed on is given back"
        return caught.value

    async def all_of(self, reply: Reply) -> bytes:
        async def read() -> bytes:
            return b"".join([chunk async for chunk in reply.body])

        return await self.clock.run(read())


async def test_a_plain_answer_is_held_whole_and_its_body_given_back() -> None:
    answer = orjson.dumps(said("Hi"))
    stage = Stage(answer[:10], 4.0, answer[10:])
    reply = await stage.handle()
    assert isinstance(reply.body, Whole)
    assert reply.body.content == answer
    assert stage.body.closed
    assert events_of(stage.call) == [UsageSeen(3, 2, "openai")]


async def test_an_answer_that_is_there_whole_is_judged_too() -> None:
    clock = FalseClock()
    inner = Told([a_reply(b"[]")])
    layer = FirstByte(inner, "openai", dialect_named("openai"), TIMEOUT, clock)
    with pytest.raises(Failure) as caught:
        await layer.handle(a_call(clock))
    assert caught.value.kind is FailureKind.MALFORMED


async def test_an_error_answer_becomes_a_failure_with_the_providers_own_words() -> None:
    body = orjson.dumps(error("slow down", "requests", "rate_limit_exceeded"))
    failure = await Stage(body, status=429).failure()
    assert failure.kind is FailureKind.RATE_LIMIT
    assert failure.refusal is not None
    assert (failure.refusal.status, failure.refusal.body) == (429, body)
    assert failure.sent


async def test_a_stream_is_let_go_at_its_first_useful_chunk() -> None:
    role, hello, *rest = WHOLE_STREAM
    stage = Stage(role, 4.0, hello, *rest, kind=STREAM)
    reply = await stage.handle(stream=True)
    assert stage.clock.now() == 1004.0
    assert isinstance(reply.body, PatientBody)
    assert await stage.all_of(reply) == b"".join(WHOLE_STREAM), "nothing that was held is lost"
    assert not stage.body.closed
    await reply.close(End.COMPLETE)
    assert stage.body.closed


async def test_usage_of_a_stream_is_told_at_its_end() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    stage = Stage(*sse(ROLE, HELLO, STOP, usage, DONE), kind=STREAM)
    reply = await stage.handle(stream=True)
    await stage.all_of(reply)
    assert not events_of(stage.call)
    await reply.close(End.COMPLETE)
    assert events_of(stage.call) == [UsageSeen(3, 2, "openai")]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((None,), id="nothing"),
        pytest.param((*sse(ROLE), None), id="a role and nothing"),
        pytest.param((b": OPENROUTER PROCESSING\n\n", 1.0) * 20, id="comments"),
        pytest.param((*sse(ROLE), 1.0) * 20, id="roles"),
    ],
)
async def test_what_is_not_useful_does_not_stop_the_clock(steps: tuple[Any, ...]) -> None:
    stage = Stage(*steps, kind=STREAM)
    failure = await stage.failure(stream=True)
    assert failure.kind is FailureKind.TIMEOUT_FIRST_BYTE
    assert stage.clock.now() == 1005.0


async def test_thinking_is_useful() -> None:
    chunks = sse(ROLE, delta(reasoning_content="hm"), HELLO, STOP, DONE)
    stage = Stage(*chunks[:2], 2.9, *chunks[2:], kind=STREAM)
    assert await stage.all_of(await stage.handle(stream=True)) == b"".join(chunks)


async def test_a_plain_answer_has_until_the_total() -> None:
    stage = Stage(b"{", 15.0, orjson.dumps(said("Hi"))[1:])
    reply = await stage.handle()
    assert reply.status == 200
    failure = await Stage(b"{", 25.0, b"}").failure()
    assert failure.kind is FailureKind.TIMEOUT_TOTAL
    assert "20 s" in failure.message


async def test_the_total_is_of_the_attempt_not_of_what_comes_after_the_first_chunk() -> None:
    stage = Stage(*sse(ROLE), 4.0, *sse(HELLO), *[2.5, *sse(HELLO)] * 7, kind=STREAM)
    reply = await stage.handle(stream=True)
    with pytest.raises(Failure) as caught:
        await stage.all_of(reply)
    assert caught.value.kind is FailureKind.TIMEOUT_TOTAL
    assert stage.clock.now() == 1020.0


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        pytest.param((), FailureKind.BROKEN_STREAM, id="nothing"),
        pytest.param(sse(ROLE), FailureKind.BROKEN_STREAM, id="a role only"),
        pytest.param(sse(ROLE, DONE), FailureKind.BROKEN_STREAM, id="an end and no answer"),
        pytest.param(sse(ROLE, error("x")), FailureKind.UNAVAILABLE, id="an error event"),
        pytest.param(sse(HELLO, error("x")), FailureKind.UNAVAILABLE, id="at once with a chunk"),
        pytest.param((b"<html>",), FailureKind.MALFORMED, id="a page"),
        pytest.param((b'{"error": "x"}',), FailureKind.UNAVAILABLE, id="an error that is none"),
        pytest.param((b'{"a": 1}',), FailureKind.MALFORMED, id="JSON"),
        pytest.param(
            (*sse(ROLE), Failure(FailureKind.BROKEN_STREAM, "cut", target="openai")),
            FailureKind.BROKEN_STREAM,
            id="cut",
        ),
    ],
)
async def test_a_stream_that_fails_before_it_is_useful_is_a_failure(
    steps: tuple[Any, ...], kind: FailureKind
) -> None:
    steps = (b"".join(steps),) if kind is FailureKind.UNAVAILABLE else steps
    assert (await Stage(*steps, kind=STREAM).failure(stream=True)).kind is kind


async def test_only_a_providers_own_error_is_kept_to_be_passed_on() -> None:
    """What is no answer of this API, or only half of one, must not pass for a whole one."""
    told = await Stage(b"".join(sse(ROLE, error("x"))), kind=STREAM).failure(stream=True)
    assert told.refusal is not None
    assert told.refusal.body == b"".join(sse(ROLE, error("x")))
    for steps in ((b"<html><body>", None), sse(ROLE), (b'{"a": 1}',)):
        failure = await Stage(*steps, kind=STREAM).failure(stream=True)
        assert failure.refusal is None


async def test_a_stream_without_end_that_says_nothing_takes_no_more_than_its_share() -> None:
    comment = b": " + b"x" * 2**16 + b"\n\n"
    stage = Stage(*[comment] * (2 * HELD_BYTES // len(comment)), kind=STREAM)
    failure = await stage.failure(stream=True)
    assert failure.kind is FailureKind.MALFORMED
    assert stage.clock.now() == 1000.0


async def test_a_stream_for_a_plain_question_is_followed_all_the_same() -> None:
    stage = Stage(*WHOLE_STREAM, kind=STREAM)
    assert await stage.all_of(await stage.handle(stream=False)) == b"".join(WHOLE_STREAM)
    assert (await Stage(*sse(ROLE), kind=STREAM).failure()).kind is FailureKind.BROKEN_STREAM


async def test_an_answer_too_large_to_hold_goes_out_as_it_comes() -> None:
    piece = b"x" * (HELD_BYTES // 4)
    stage = Stage(*[piece] * 6)
    reply = await stage.handle()
    assert isinstance(reply.body, PatientBody)
    assert await stage.all_of(reply) == piece * 6
    assert not events_of(stage.call), "and nobody looks into it"


async def test_what_nobody_reads_is_not_held() -> None:
    stage = Stage(b"first", 2.0, b"second")
    reply = await stage.handle(operation=Operation.OTHER)
    assert stage.clock.now() == 1000.0
    assert await stage.all_of(reply) == b"firstsecond"


async def test_what_nobody_reads_may_not_fall_silent_either() -> None:
    stage = Stage(b"first", None)
    reply = await stage.handle(operation=Operation.OTHER)
    with pytest.raises(Failure) as caught:
        await stage.all_of(reply)
    assert caught.value.kind is FailureKind.TIMEOUT_IDLE


async def test_raw_answers_are_judged_by_their_status() -> None:
    failure = await Stage(b"no", status=503, dialect="raw").failure(operation=Operation.OTHER)
    assert failure.kind is FailureKind.UNAVAILABLE
    assert failure.refusal is not None
    assert failure.refusal.body == b"no"


@pytest.mark.parametrize("steps", [(None,), (*sse(ROLE), None)], ids=["at once", "while held"])
async def test_hanging_up_gives_the_answer_back(steps: tuple[Any, ...]) -> None:
    stage = Stage(*steps, kind=STREAM)
    task = asyncio.create_task(stage.layer.handle(a_call(stage.clock, stream=True)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.body.closed


async def test_a_failure_of_the_target_passes_untouched() -> None:
    clock = FalseClock()
    refused = Failure(FailureKind.NETWORK, "refused", target="openai", sent=False)
    layer = FirstByte(Told([refused]), "openai", dialect_named("openai"), TIMEOUT, clock)
    with pytest.raises(Failure) as caught:
        await layer.handle(a_call(clock))
    assert caught.value is refused


async def test_an_error_too_large_to_hold_is_judged_by_its_status() -> None:
    failure = await Stage(b"x" * (HELD_BYTES + 1), status=503).failure()
    assert (failure.kind, failure.status) == (FailureKind.UNAVAILABLE, 503)
    assert failure.refusal is None, "nobody could be told all of it"


@pytest.mark.parametrize("wanted", [False, True], ids=["plain", "streamed"])
async def test_a_plain_answer_may_think_after_its_headers_and_a_stream_may_not(
    wanted: bool,
) -> None:
    stage = Stage(15.0, b"{", 1.0, b"}", dialect="raw")
    reply = await stage.handle(operation=Operation.OTHER, stream=wanted)
    if not wanted:
        assert await stage.all_of(reply) == b"{}"
        return
    with pytest.raises(Failure) as caught:
        await stage.all_of(reply)
    assert caught.value.kind is FailureKind.TIMEOUT_IDLE


@pytest.mark.parametrize(
    ("stream", "limits", "at", "wanted"),
    [
        pytest.param(True, {"begin_by": 1003.0}, 1003.0, "useful chunk", id="a stream's begin"),
        pytest.param(True, {"end_by": 1002.0}, 1002.0, "useful chunk", id="a stream's end"),
        pytest.param(False, {"begin_by": 1015.0}, 1015.0, "whole answer", id="a plain one"),
    ],
)
async def test_when_the_apps_time_is_up_it_is_nobodys_fault(
    stream: bool, limits: dict[str, float], at: float, wanted: str
) -> None:
    stage = Stage(*sse(ROLE), None, kind=STREAM if stream else "application/json")
    failure = await stage.failure(stream=stream, **limits)
    assert (failure.kind, failure.blameless) == (FailureKind.TIMEOUT_TOTAL, True)
    assert failure.message == f"the time for the whole call was up before it gave a {wanted}"
    assert stage.clock.now() == at


async def test_its_own_time_comes_first_where_it_is_shorter() -> None:
    failure = await Stage(None, kind=STREAM).failure(stream=True, begin_by=1006.0)
    assert (failure.kind, failure.blameless) == (FailureKind.TIMEOUT_FIRST_BYTE, False)


async def test_when_no_time_is_left_nobody_is_asked() -> None:
    clock = FalseClock()
    layer = FirstByte(Told([]), "openai", dialect_named("openai"), TIMEOUT, clock)
    with pytest.raises(Failure) as caught:
        await layer.handle(a_call(clock, begin_by=1000.0))
    assert (caught.value.sent, caught.value.blameless) == (False, True)


async def test_a_stream_that_has_begun_may_go_on_until_its_end_is_due() -> None:
    flow = [*sse(HELLO), *[2.0, *sse(HELLO)] * 7]
    stage = Stage(*flow, kind=STREAM)
    reply = await stage.handle(stream=True, begin_by=1001.0, end_by=1009.0)
    with pytest.raises(Failure) as caught:
        await stage.all_of(reply)
    assert (caught.value.kind, caught.value.blameless) == (FailureKind.TIMEOUT_TOTAL, True)
    assert caught.value.message == "the time for the whole call was up before its answer was whole"
    assert stage.clock.now() == 1009.0


async def test_a_stream_that_is_slower_than_its_target_may_be_is_the_targets_fault() -> None:
    stage = Stage(*sse(HELLO), *[2.0, *sse(HELLO)] * 20, kind=STREAM)
    reply = await stage.handle(stream=True, end_by=1021.0)
    with pytest.raises(Failure) as caught:
        await stage.all_of(reply)
    assert (caught.value.kind, caught.value.blameless) == (FailureKind.TIMEOUT_TOTAL, False)
    assert stage.clock.now() == 1020.0
