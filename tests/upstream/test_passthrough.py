"""Strangers' requests: sent on as they are, answered as they answer, accounted for, and bounded."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from proxy.core.call import Call, Trace
from proxy.core.event import PASSTHROUGH, AttemptCancelled, AttemptEnded, AttemptStarted, Event
from proxy.core.failure import Failure, FailureKind, Hop
from proxy.core.reply import End, Reply
from proxy.policy.passage import Passage
from proxy.upstream.address import LENIENT
from proxy.upstream.names import GuardedResolver, Names
from proxy.upstream.passthrough import SILENCE_S, Listed, Passthrough
from proxy.upstream.pool import Pool
from proxy.upstream.via import Signature
from tests.calls import a_call
from tests.clock import FalseClock, LoadedDice
from tests.resilience.parts import Told, a_reply
from tests.upstream.serving import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Stage:
    """A stranger on this machine, who does as the test says, and who is passed through to."""

    def __init__(self) -> None:
        self.clock, dice = FalseClock(), LoadedDice()
        self.asked: list[bytes] = []
        self.came = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.answer: list[bytes] = [OK]
        """Each piece but the first is sent when `goes_on` is set, which is taken back then."""
        self.pool = Pool(GuardedResolver(Names(), LENIENT), LENIENT)
        self.passthrough = Passthrough(LENIENT, self.pool, self.clock, dice, Signature.of(dice))
        self.upstream = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        self.came.set()
        for number, piece in enumerate(self.answer):
            if number:
                await self.goes_on.wait()
                self.goes_on.clear()
            writer.write(piece)
        await reader.read()

    def call(self, **fields: object) -> Call:
        known: dict[str, object] = {"method": "GET", "path": "/a?b", "body": b"", "model": None}
        headers = CIMultiDict({"Host": self.upstream, "X-A": "1"})
        return a_call(
            self.clock, **{**known, "upstream": self.upstream, "headers": headers, **fields}
        )

    async def late(self, task: asyncio.Task[object]) -> Failure:
        """What becomes of `task` when nothing more comes."""
        await asyncio.sleep(0.01)
        self.clock.pass_time(SILENCE_S - 1)
        await asyncio.sleep(0.01)
        assert not task.done()
        self.clock.pass_time(1)
        with pytest.raises(Failure) as caught:
            await task
        return caught.value


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    async with serving(stage.serve) as port:
        stage.upstream = f"127.0.0.1:{port}"
        yield stage
        await stage.pool.close()
        stage.goes_on.set()


async def _whole(reply: Reply) -> bytes:
    body = b"".join([chunk async for chunk in reply.body])
    await reply.close(End.COMPLETE)
    return body


def _events(call: Call) -> list[Event]:
    return [entry.event for entry in call.journal.entries]


async def test_a_request_and_its_answer(stage: Stage) -> None:
    call = stage.call()
    reply = await stage.passthrough.handle(call)
    assert (reply.status, await _whole(reply)) == (200, b"ok")
    (asked,) = stage.asked
    assert asked.startswith(f"GET /a?b HTTP/1.1\r\nHost: {stage.upstream}\r\nX-A: 1\r\n".encode())
    assert _events(call) == [
        AttemptStarted(PASSTHROUGH, 1, None, 0),
        AttemptEnded(PASSTHROUGH, 1, 0.0, 200),
    ]


@pytest.mark.parametrize("where", ["http://169.254.169.254/", "/elsewhere", "//10.0.0.1/"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_where_an_answer_leads_is_for_the_app_to_ask(
    stage: Stage, where: str, status: int, connects: list[object]
) -> None:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 4\r\n\r\ngone"
    stage.answer = [head.encode()]
    reply = await stage.passthrough.handle(stage.call())
    assert (reply.status, reply.headers.get("Location")) == (status, where)
    assert await _whole(reply) == b"gone"
    assert len(stage.asked) == len(connects) == 1


async def test_a_span_of_its_own_where_somebody_records(stage: Stage) -> None:
    call = stage.call(trace=Trace(1, 2, True))
    await _whole(await stage.passthrough.handle(call))
    (started, _) = _events(call)
    assert isinstance(started, AttemptStarted)
    assert started.span_id != 0
    assert b"traceparent" not in stage.asked[0].lower(), "it is sent on as it is"


async def test_a_failure_is_accounted_for_with_its_hop(stage: Stage) -> None:
    call = stage.call(upstream="127.0.0.1:1")
    with pytest.raises(Failure) as caught:
        await stage.passthrough.handle(call)
    assert caught.value.hop is Hop.REFUSED
    ended = _events(call)[1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.kind, ended.hop) == (FailureKind.NETWORK, Hop.REFUSED)


async def test_an_app_that_leaves_is_accounted_for(stage: Stage) -> None:
    stage.answer = []
    call = stage.call()
    task = asyncio.create_task(stage.passthrough.handle(call))
    await stage.came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _events(call)[1] == AttemptCancelled(PASSTHROUGH, 1, 0.0)


async def test_a_stranger_who_does_not_answer_is_given_up(stage: Stage) -> None:
    stage.answer = []
    call = stage.call()
    task: asyncio.Task[object] = asyncio.create_task(stage.passthrough.handle(call))
    await stage.came.wait()
    failure = await stage.late(task)
    assert (failure.kind, failure.target) == (FailureKind.TIMEOUT_IDLE, stage.upstream)
    assert "silent for 600 s" in failure.message
    assert isinstance(_events(call)[1], AttemptEnded)


async def test_an_answer_that_stops_coming_is_given_up(stage: Stage) -> None:
    stage.answer = [OK[:-1], b"k"]
    reply = await stage.passthrough.handle(stage.call())
    pieces = reply.body.__aiter__()
    assert await pieces.__anext__() == b"o"
    failure = await stage.late(asyncio.ensure_future(pieces.__anext__()))
    assert failure.kind is FailureKind.TIMEOUT_IDLE
    await reply.close(End.BROKEN)


async def test_an_answer_may_take_as_long_as_it_moves(stage: Stage) -> None:
    stage.answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"a", b"b", b"c", b"d"]
    reply = await stage.passthrough.handle(stage.call())
    pieces, came = reply.body.__aiter__(), b""
    while len(came) < 4:
        waiting = asyncio.ensure_future(pieces.__anext__())
        await asyncio.sleep(0)
        stage.clock.pass_time(SILENCE_S - 1)
        stage.goes_on.set()
        came += await waiting
    assert came == b"abcd"
    await reply.close(End.COMPLETE)


async def test_an_upload_may_take_as_long_as_it_moves(stage: Stage) -> None:
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def rest() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield await pieces.get()

    stage.answer = []
    call = stage.call(method="POST", rest=rest())
    task: asyncio.Task[object] = asyncio.create_task(stage.passthrough.handle(call))
    await stage.came.wait()
    for _ in range(3):
        stage.clock.pass_time(SILENCE_S - 1)
        pieces.put_nowait(b"x")
        await asyncio.sleep(0.01)
        assert not task.done()
    assert (await stage.late(task)).kind is FailureKind.TIMEOUT_IDLE


@pytest.mark.parametrize("upstream", ["[", "[x]", "a b", "", "a@[::1", "[::1%25lo]:80"])
async def test_what_is_no_host_is_refused(stage: Stage, upstream: str) -> None:
    with pytest.raises(Failure) as caught:
        await stage.passthrough.handle(stage.call(upstream=upstream))
    assert caught.value.status == 403


async def test_who_is_listed_goes_by_another_rule() -> None:
    passage = Passage.of(("near.example", "*.wide.example", "10.0.0.0/8", "fd00::/8"), False)
    hosts = {
        "near.example": True,
        "near.example:8080": True,
        "NEAR.example.": True,
        "a.wide.example": False,
        "10.1.2.3:80": True,
        "[fd00::1]:80": True,
        "11.1.2.3": False,
    }
    for host, is_listed in hosts.items():
        listed, strangers = Told([a_reply()]), Told([a_reply()])
        await Listed(listed, strangers, passage).handle(a_call(upstream=host))
        assert (len(listed.calls), len(strangers.calls)) == (is_listed, not is_listed), host
