"""What a joined answer does with the replies that it is made of; plays show what the app sees."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from proxy.core.call import Call
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import End, Reply
from proxy.dialects.recognise import dialect_named
from proxy.resilience.stream.resume import Resume
from tests.calls import a_call
from tests.clock import FalseClock
from tests.plays.stage import HELLO, ROLE, STOP, WORLD, delta, sse
from tests.resilience.parts import Chunks, a_reply

CUT = FailureKind.BROKEN_STREAM
BEGUN = sse(ROLE, HELLO)


@dataclass
class Script:
    """A strategy that answers with one reply after the other, and notes how it was asked."""

    replies: list[Reply | Failure]
    calls: list[Call] = field(default_factory=list)
    failures: list[list[Failure]] = field(default_factory=list)

    async def handle(self, call: Call) -> Reply:
        return await self.after(call, ())

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        self.calls.append(call)
        self.failures.append(list(failures))
        reply = self.replies.pop(0)
        if isinstance(reply, Failure):
            raise reply
        return reply


class Stage:
    """Answers of targets called `0`, `1`, and so on."""

    def __init__(self, *streams: Sequence[bytes | Failure | None], **fields: object) -> None:
        self.clock = FalseClock()
        self.ends: list[tuple[int, End, Failure | None]] = []
        self.bodies = [Chunks(self.clock, *steps) for steps in streams]
        self.replies = [self._reply(number) for number in range(len(streams))]
        none_left = Failure(FailureKind.UNAVAILABLE, "nobody is left", target="2")
        self.script = Script([*self.replies, none_left])
        dialect = dialect_named("openai")
        self.layer = Resume(self.script, dialect, self.clock)
        self.call = a_call(self.clock, stream=True, **fields)

    def _reply(self, number: int) -> Reply:
        reply = a_reply(self.bodies[number], kind="text/event-stream")
        reply.target = str(number)
        reply.endings.append(lambda end: self.ends.append((number, end, reply.broke)))
        return reply

    async def read(self, reply: Reply) -> bytes:
        return b"".join([chunk async for chunk in reply.body])


def cut(target: str = "0", **fields: object) -> Failure:
    return Failure(CUT, "cut", target=target, **fields)  # type: ignore[arg-type]


async def test_each_reply_hears_of_its_own_end() -> None:
    stage = Stage([*BEGUN, failure := cut()], sse(ROLE, HELLO, WORLD, STOP))
    outer: list[End] = []
    reply = await stage.layer.handle(stage.call)
    reply.endings.insert(0, outer.append)
    await stage.read(reply)
    assert stage.ends == [(0, End.BROKEN, failure)], "the first at once"
    await reply.close(End.COMPLETE)
    assert stage.ends[1:] == [(1, End.COMPLETE, None)]
    assert outer == [End.COMPLETE]
    assert [body.closed for body in stage.bodies] == [1, 1]
    assert reply.degraded == "resumed by 1"


async def test_what_never_broke_ends_as_it_would_without() -> None:
    stage = Stage(sse(ROLE, HELLO, STOP))
    reply = await stage.layer.handle(stage.call)
    assert await stage.read(reply) == b"".join(sse(ROLE, HELLO, STOP))
    await reply.close(End.COMPLETE)
    assert stage.ends == [(0, End.COMPLETE, None)]
    assert (reply.degraded, stage.bodies[0].closed) == ("", 1)


async def test_every_ending_is_told_whatever_one_raises() -> None:
    stage = Stage(sse(ROLE, HELLO))

    def flaw(end: End) -> None:
        raise RuntimeError

    stage.replies[0].endings.append(flaw)
    reply = await stage.layer.handle(stage.call)
    with pytest.raises(RuntimeError):
        await reply.close(End.ABANDONED)
    assert stage.ends == [(0, End.ABANDONED, None)]
    assert stage.bodies[0].closed == 1


async def test_closed_unread_it_holds_nothing() -> None:
    stage = Stage(sse(ROLE, HELLO))
    reply = await stage.layer.handle(stage.call)
    await reply.close(End.LOST)
    assert stage.ends == [(0, End.LOST, None)]
    assert stage.bodies[0].closed == 1


async def test_how_the_next_is_asked() -> None:
    stage = Stage([*BEGUN, failure := cut()], sse(ROLE, HELLO, WORLD, STOP))
    stage.call.headers["x-stainless-read-timeout"] = "100"  # type: ignore[index]
    await stage.read(await stage.layer.handle(stage.call))
    first, second = stage.script.calls
    assert (first.said, second.said) == ("", "Hello")
    assert stage.script.failures == [[], [failure]]
    assert second.begin_by == 1000.0 + 98.0, "a little before the app gives up"
    assert second.headers.get("accept-encoding") == "identity"
    assert "accept-encoding" not in first.headers


async def test_who_diverged_is_among_the_failures_and_leads_where_the_first_did() -> None:
    stage = Stage([*BEGUN, failure := cut()], sse(delta(content="Good day")))
    reply = await stage.layer.handle(stage.call)
    with pytest.raises(Failure) as caught:
        await stage.read(reply)
    assert caught.value is failure
    told = [(each.target, each.kind) for each in stage.script.failures[-1]]
    assert told == [("0", CUT), ("1", CUT)]
    assert stage.ends == [(0, End.BROKEN, failure), (1, End.LOST, None)]


async def test_a_failure_that_the_app_was_told_of_is_no_place_to_go_on() -> None:
    stage = Stage([*BEGUN, failure := cut(in_band=True)])
    reply = await stage.layer.handle(stage.call)
    with pytest.raises(Failure):
        await stage.read(reply)
    assert len(stage.script.calls) == 1
    reply.broke = failure  # as the relay notes it
    await reply.close(End.BROKEN)
    assert stage.ends == [(0, End.BROKEN, failure)]


@pytest.mark.parametrize(
    "fields", [{"stream": False}, {"method": "POST", "operation": "other"}], ids=str
)
async def test_what_is_no_stream_of_text_passes(fields: dict[str, object]) -> None:
    stage = Stage(BEGUN)
    call = stage.call.but(**fields)
    assert await stage.layer.handle(call) is stage.replies[0]
