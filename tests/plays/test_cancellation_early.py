"""An app that is kept waiting for a stream goes, or is told that we do: through the data port
itself, with comments on their way before there is an answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from proxy.capture.gate import Gate
from proxy.capture.limits import Limits
from proxy.capture.listener import Listener
from proxy.capture.tunnels.certificates import Certificates
from proxy.core.event import CallEnded
from proxy.core.reply import End
from proxy.dialects.frames import WAITING
from proxy.engine.serve import Engine
from proxy.upstream.dial import Dialler
from proxy.upstream.names import Names
from proxy.upstream.via import Signature
from tests.plays.aftermath import watched
from tests.plays.sight import CUT, FLOWING, HELD_BACK, STALLED, policy, verdict
from tests.plays.stage import Act, Play, Silence

QUESTION = orjson.dumps({"model": "gpt-4o", "messages": [], "stream": True})
REQUEST = b"""POST /openai/v1/chat/completions HTTP/1.1\r
Host: 127.0.0.1\r
Content-Type: application/json\r
x-stainless-read-timeout: 4\r
Content-Length: %d\r
\r
%b""" % (len(QUESTION), QUESTION)
FIRST_COMMENT_S = 2.0
SOON_S = 1.0
LOOK_S = 0.002

HOLD, HEDGE = "mid_stream: hold", "strategy: fastest, hedge_after: 1s"
PHASES = [
    pytest.param(policy(), [Silence()], [], 1, id="before the headers"),
    pytest.param(policy(), [HELD_BACK], [], 1, id="before the first word"),
    pytest.param(policy(HOLD), [FLOWING], [], 1, id="held"),
    pytest.param(policy(HOLD), [CUT], [STALLED], 2, id="held at the second target"),
    pytest.param(policy(HEDGE), [Silence()], [HELD_BACK], 2, id="beside a hedge"),
]


@dataclass
class App:
    """What the app has of its answer, and how it goes on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def _waiting(play: Play, asked: int) -> AsyncIterator[tuple[Listener, App]]:
    """An app that has heard of us and not of its answer, for which so many were asked."""
    engine = Engine(play.program)
    listener = Listener(
        engine,
        play.clock,
        play.dice,
        play._hear,
        lambda headers: None,
        gate=Gate(""),
        limits=Limits(),
        certificates=Certificates(Path("/nonexistent"), tuple, {}, play._hear),
        dialler=Dialler(Names(), play.clock),
        via=Signature.of(play.dice),
    )
    port = await listener.open("127.0.0.1", 0)
    app = App(*await asyncio.open_connection("127.0.0.1", port))
    try:
        app.writer.write(REQUEST)
        await _until(lambda: bool(play.asked))
        play.clock.pass_time(FIRST_COMMENT_S)
        async with asyncio.timeout(SOON_S):
            await app.reader.readuntil(WAITING)
        await _until(lambda: len(play.asked) == asked)
        yield listener, app
    finally:
        await app.hang_up()
        await listener.drain(0.0)


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(int(SOON_S / LOOK_S)):
        if true():
            return
        await asyncio.sleep(LOOK_S)
    raise TimeoutError


def _end(play: Play) -> End | None:
    return next((event.end for event in play.events if isinstance(event, CallEnded)), None)


@pytest.mark.parametrize(("text", "openai", "azure", "asked"), PHASES)
async def test_who_hangs_up_while_it_is_kept_waiting_leaves_nothing(
    text: str, openai: list[Act], azure: list[Act], asked: int
) -> None:
    with watched() as watch:
        play = Play(text, openai=openai, azure=azure)
        async with _waiting(play, asked) as (_, app):
            before = verdict(play), verdict(play, "azure")
            await app.hang_up()
            await _until(lambda: _end(play) is not None)
        watch.nothing_is_left()
    assert _end(play) is End.ABANDONED
    assert (verdict(play), verdict(play, "azure")) == before


@pytest.mark.parametrize(("text", "openai", "azure", "asked"), PHASES)
async def test_who_is_kept_waiting_is_told_that_we_stop(
    text: str, openai: list[Act], azure: list[Act], asked: int
) -> None:
    with watched() as watch:
        play = Play(text, openai=openai, azure=azure)
        async with _waiting(play, asked) as (listener, app):
            before = verdict(play), verdict(play, "azure")
            listener.end_running()
            async with asyncio.timeout(SOON_S):
                rest = await app.reader.read()
        watch.nothing_is_left()
    assert b'data: {"error"' in rest
    assert b"stopping" in rest
    assert not rest.endswith(b"0\r\n\r\n"), "no client takes it for a whole answer"
    assert (verdict(play), verdict(play, "azure")) == before
