"""A stream is held until it is whole, and every way in which it may not become so."""

import asyncio

import pytest

from proxy.core.call import Call
from proxy.core.event import StreamBroke
from proxy.core.failure import Failure, FailureKind, Refusal
from proxy.core.reply import End, Reply, Whole
from proxy.resilience.stream import hold
from proxy.resilience.stream.hold import Hold
from tests.calls import a_call
from tests.clock import FalseClock, settle
from tests.resilience.parts import Chunks, Told, a_reply, events_of


class Stage:
    """A stream of `steps` behind a Hold."""

    def __init__(self, *steps: bytes | float | Failure | None) -> None:
        self.clock = FalseClock()
        self.body = Chunks(self.clock, *steps)
        self.reply = a_reply(self.body, kind="text/event-stream")
        self.ends: list[End] = []
        self.reply.endings.append(self.ends.append)
        self.call = a_call(self.clock, stream=True)

    async def take(self, call: Call | None = None) -> Reply:
        return await self.clock.run(Hold(Told([self.reply])).handle(call or self.call))


async def test_the_app_gets_it_whole() -> None:
    stage = Stage(b"a", 3.0, b"b")
    reply = await stage.take()
    assert isinstance(reply.body, Whole)
    assert reply.body.content == b"ab"
    assert stage.ends == [], "it ends when the app has it"
    assert stage.body.closed
    await reply.close(End.COMPLETE)
    assert stage.ends == [End.COMPLETE]


@pytest.mark.parametrize("told", [None, b"data: {}\n\n"])
async def test_what_breaks_is_a_failure_that_the_app_knows_nothing_of(told: bytes | None) -> None:
    cut = Failure(FailureKind.BROKEN_STREAM, "cut", target="openai", in_band=True)
    if told is not None:
        cut.refusal = Refusal(200, a_reply().headers, told)
    stage = Stage(b"a", cut)
    with pytest.raises(Failure) as caught:
        await stage.take()
    assert caught.value is cut
    assert not cut.in_band
    assert stage.reply.broke is cut
    assert (stage.ends, stage.body.closed) == ([End.BROKEN], 1)
    assert events_of(stage.call) == [StreamBroke("openai", FailureKind.BROKEN_STREAM, "cut")]
    if told is not None:
        assert cut.refusal is not None
        assert cut.refusal.body == told
        assert cut.refusal.headers is stage.reply.headers


async def test_what_is_no_stream_passes() -> None:
    stage = Stage(b"a", None)
    plain = a_call(stage.clock, stream=False)
    assert (await stage.take(plain)).body is stage.body
    whole = a_reply(b"{}")
    assert (await Hold(Told([whole])).handle(stage.call)).body is whole.body


async def test_one_beyond_bounds_goes_out_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "HELD_BYTES", 4)
    cut = Failure(FailureKind.BROKEN_STREAM, "cut", target="openai")
    stage = Stage(b"abc", b"de", b"f", cut)
    reply = await stage.take()
    chunks = reply.body.__aiter__()
    assert [await anext(chunks), await anext(chunks)] == [b"abcde", b"f"]
    with pytest.raises(Failure):
        await anext(chunks)
    assert stage.ends == []
    await reply.close(End.BROKEN)
    assert (stage.ends, stage.body.closed) == ([End.BROKEN], 1)


async def test_hanging_up_while_it_is_held() -> None:
    stage = Stage(b"a", None)
    task = asyncio.create_task(Hold(Told([stage.reply])).handle(stage.call))
    await settle()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (stage.ends, stage.body.closed) == ([End.LOST], 1)
