"""A connection under limits: each is told in HTTP, and costs nobody else anything."""

import asyncio
import socket

import pytest
from aiohttp.web import BaseRequest, Response, StreamResponse

from proxy.capture.limits import PIPELINED, Limits
from proxy.capture.refused import Refused
from proxy.core.event import Bug
from tests.capture.served import read_all, served

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_head_that_does_not_come_is_given_up() -> None:
    async with served(Limits(head_s=0.1)) as running:
        answer = await running.say(b"GET / HTTP/1.1\r\nHo")
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"Connection: close" in answer
        assert running.turned_away == [(408, "too_slow")]
        assert not running.asked


async def test_a_head_byte_by_byte_is_in_time_or_not() -> None:
    async with served(Limits(head_s=0.3)) as running:
        pieces = [LAST[at : at + 1] for at in range(len(LAST))]
        assert (await running.say(*pieces, apart_s=0.001)).startswith(b"HTTP/1.1 200")
        assert (await running.say(*pieces, apart_s=0.02)).startswith(b"HTTP/1.1 408")


async def test_a_slow_head_behind_an_answer_is_told_after_it() -> None:
    async with served(Limits(head_s=0.1)) as running:
        answer = await running.say(GET, b"GET /y")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"HTTP/1.1 408" in answer


async def test_empty_lines_are_no_head() -> None:
    async with served(Limits(head_s=0.05)) as running:
        assert (await running.say(b"\r\n", b"\r\n", LAST, apart_s=0.1)).startswith(b"HTTP/1.1 200")


async def test_a_connection_that_says_nothing_is_closed_and_told_nothing() -> None:
    async with served(Limits(keepalive_s=0.1)) as running:
        assert await running.say() == b""
        assert (await running.say(GET)).count(b"HTTP/1.1") == 1
        assert not running.turned_away


async def test_a_head_that_comes_late_is_not_idle() -> None:
    async with served(Limits(keepalive_s=0.2, head_s=5.0)) as running:
        reader, writer = await running.open()
        await asyncio.sleep(0.15)
        writer.write(LAST[:20])
        await asyncio.sleep(0.15)
        writer.write(LAST[20:])
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_head_is_counted_over_all_its_packets() -> None:
    head, field = (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
        b"X: " + b"a" * 500 + b"\r\n",
    )
    async with served(Limits(head_bytes=2000)) as running:
        assert (await running.say(head, *[field] * 3, b"\r\n")).startswith(b"HTTP/1.1 200")
        assert (await running.say(head, *[field] * 4)).startswith(b"HTTP/1.1 431")
        assert (await running.say(head, field * 4 + b"\r\n")).startswith(b"HTTP/1.1 431")
        assert len(running.asked) == 1


@pytest.mark.parametrize(
    ("limits", "why"),
    [(Limits(connections=2), b"all there may be"), (Limits(per_client=2), b"all it may have")],
)
async def test_one_connection_too_many_is_told_so(limits: Limits, why: bytes) -> None:
    async with served(limits) as running:
        first, second = await running.open(), await running.open()
        answer = await running.say()
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert why in answer
        assert running.turned_away == [(503, "too_many")]
        for reader, writer in (first, second):
            writer.write(LAST)
            assert (await reader.read()).startswith(b"HTTP/1.1 200"), "the others notice nothing"
            writer.close()
        await asyncio.sleep(0.05)
        assert (await running.say(LAST)).startswith(b"HTTP/1.1 200"), "there is room again"


async def test_seats_are_given_back_however_a_connection_ends() -> None:
    async with served(Limits(connections=1, head_s=0.05)) as running:
        for pieces in ((LAST,), (b"garbage\r\n\r\n",), (b"GET",), (POST, b"zz\r\n")):
            await running.say(*pieces)
            await asyncio.sleep(0.02)
        _reader, writer = await running.open()
        writer.transport.abort()
        await asyncio.sleep(0.02)
        assert (await running.say(LAST)).startswith(b"HTTP/1.1 200")
        assert (503, "too_many") not in running.turned_away


async def test_an_answer_is_not_lost_on_who_still_sends() -> None:
    """Closing with bytes unread resets, and a reset eats what was on its way."""

    async def refuse(request: BaseRequest) -> StreamResponse:
        raise Refused(403, "no")

    async with served(Limits(), refuse) as running:
        loop = asyncio.get_running_loop()
        body = b"x" * (8 * 2**20)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)

        def ask() -> bytes:
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as app:
                app.sendall(head + body)
                answer = b""
                while piece := app.recv(2**16):
                    answer += piece
                return answer

        for _ in range(5):
            assert (await loop.run_in_executor(None, ask)).startswith(b"HTTP/1.1 403")


async def test_requests_ahead_are_bounded() -> None:
    going = asyncio.Event()

    async def wait(request: BaseRequest) -> StreamResponse:
        await going.wait()
        return await read_all(request)

    async with served(Limits(), wait) as running:
        reader, writer = await running.open()
        writer.write(GET * 20_000)
        await asyncio.sleep(0.2)
        (connection,) = running.server.connections
        assert len(connection._messages) <= PIPELINED
        going.set()
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 1000:
            answers += await reader.read(2**16)
        writer.transport.abort()


async def test_who_reads_a_body_hears_that_it_broke() -> None:
    """aiohttp alone would wait for ever."""
    async with served(Limits()) as running:
        answer = await running.say(POST, b"5\r\nhello\r\n", b"zz\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.count(b"HTTP/1.1") == 1
        assert b"chunk size" in answer


async def test_a_body_that_breaks_when_all_was_answered_gets_no_answer_of_its_own() -> None:
    async def at_once(request: BaseRequest) -> StreamResponse:
        return Response(body=b"ok")

    async with served(Limits(), at_once) as running:
        answer = await running.say(POST, b"5\r\nhello\r\n", b"zz\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1


async def test_a_bug_is_told_apart_from_who_is_turned_away() -> None:
    async def fail(request: BaseRequest) -> StreamResponse:
        raise ValueError("a bug")

    async with served(Limits(), fail) as running:
        assert (await running.say(GET)).startswith(b"HTTP/1.1 500")
        assert [type(event) for event in running.heard.events] == [Bug]
