"""A request's body: kept as far as it may be, asked for in time, and never taken for whole."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiohttp.web import BaseRequest, Response, StreamResponse

from proxy.capture.intake import take_in
from proxy.capture.limits import Limits
from proxy.core.clock import SystemClock
from proxy.core.failure import Failure
from tests.capture.served import Served, served

REPLAY_BYTES = 64 * 2**10


def post(*fields: str, body: bytes = b"", version: str = "1.1") -> bytes:
    lines = (f"POST / HTTP/{version}", "Host: a", "Connection: close", *fields, "", "")
    return "\r\n".join(lines).encode() + body


def sized(size: int) -> bytes:
    return post(f"Content-Length: {size}", body=b"x" * size)


@dataclass
class Taker:
    """Takes bodies in, as the listener does, and remembers what came."""

    limits: Limits
    kept: list[bytes] = field(default_factory=list)
    rest_bytes: int = 0
    failures: list[Failure] = field(default_factory=list)
    again: bool = False

    async def __call__(self, request: BaseRequest) -> StreamResponse:
        body, rest = await take_in(request, REPLAY_BYTES, self.limits, SystemClock())
        self.kept.append(body)
        try:
            for _ in range(1 + self.again):
                if rest is not None:
                    async for chunk in rest:
                        self.rest_bytes += len(chunk)
        except Failure as failure:
            self.failures.append(failure)
            return Response(status=failure.status or 400)
        return Response(body=b"ok")


def status(answer: bytes) -> int:
    return int(answer[9:12])


@pytest.mark.parametrize("size", [0, 1, REPLAY_BYTES - 1])
async def test_a_small_body_is_kept_whole(size: int) -> None:
    taker = Taker(Limits())
    async with served(taker.limits, taker) as running:
        assert status(await running.say(sized(size))) == 200
    assert [len(body) for body in taker.kept] == [size]
    assert not taker.rest_bytes


async def test_a_large_body_comes_through_once() -> None:
    taker = Taker(Limits(), again=True)
    async with served(taker.limits, taker) as running:
        assert status(await running.say(sized(4 * 2**20))) == 400
    assert REPLAY_BYTES < len(taker.kept[0]) < 4 * REPLAY_BYTES
    assert len(taker.kept[0]) + taker.rest_bytes == 4 * 2**20
    assert ["twice" in failure.message for failure in taker.failures] == [True]


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    taker = Taker(Limits(body_bytes=1000))
    async with served(taker.limits, taker) as running:
        for extra in ((), ("Expect: 100-continue",)):
            answer = await running.say(post("Content-Length: 1001", *extra))
            assert status(answer) == 413
        assert status(await running.say(sized(1000))) == 200
    assert running.turned_away == [(413, "too_large")] * 2


@pytest.mark.parametrize("count", [3, 400])
async def test_a_body_that_turns_out_too_large_is_refused_when_it_does(count: int) -> None:
    taker = Taker(Limits(body_bytes=1000 if count < 10 else 2**20))
    chunk = b"fff\r\n" + b"x" * 0xFFF + b"\r\n"
    async with served(taker.limits, taker) as running:
        answer = await running.say(post("Transfer-Encoding: chunked"), *[chunk * count])
        assert status(answer) == 413
        assert answer.count(b"HTTP/1.1") == 1
        assert running.turned_away == [(413, "too_large")]


@pytest.mark.parametrize("size", [10, 300_000])
async def test_a_body_that_stops_coming_is_given_up(size: int) -> None:
    """Kept or passed on: the app is told, and what came of it is no body."""
    taker = Taker(Limits(body_idle_s=0.1))
    async with served(taker.limits, taker) as running:
        answer = await running.say(post("Content-Length: 1000000", body=b"x" * size))
        assert status(answer) == 408
        assert answer.count(b"HTTP/1.1") == 1
        assert running.turned_away == [(408, "too_slow")]
    assert len(taker.kept) == (size > REPLAY_BYTES)


async def _pieces(running: Served, *pieces: bytes) -> bytes:
    return await running.say(*pieces, apart_s=0.02)


async def test_a_body_is_asked_for_once_it_is_wanted() -> None:
    taker = Taker(Limits())
    async with served(taker.limits, taker) as running:
        head = post("Content-Length: 5", "Expect: 100-continue")
        answer = await _pieces(running, head, b"hello")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        for asked in (
            head + b"hello",
            post("Expect: 100-continue"),
            post("Content-Length: 5", "Expect: 100-continue", body=b"hello", version="1.0"),
        ):
            assert status(await running.say(asked)) == 200, "nobody needs to be asked"
        assert status(await running.say(post("Expect: more"))) == 417
    assert taker.kept == [b"hello", b"hello", b"", b"hello"]


@pytest.mark.parametrize("apart_s", [0.0, 0.02])
async def test_a_body_that_broke_is_not_taken_for_whole(apart_s: float) -> None:
    """Whether the handler was there before it broke, or came after."""
    taker = Taker(Limits())
    async with served(taker.limits, taker) as running:
        head = post("Transfer-Encoding: chunked")
        for pieces in ((head, b"5\r\nhello\r\nzz\r\n"), (head + b"5\r\nhello\r\n", b"zz\r\n")):
            assert status(await running.say(*pieces, apart_s=apart_s)) == 400
        _reader, writer = await running.open()
        writer.write(head + b"5\r\nhello\r\n")
        await asyncio.sleep(apart_s)
        writer.close()
        await asyncio.sleep(0.02)
    assert not taker.kept
