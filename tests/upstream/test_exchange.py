"""One request and its answer on real connections: what of an answer is believed."""

import asyncio

import pytest

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.core.reply import Reply
from proxy.upstream.exchange import MOST_INTERIM
from proxy.upstream.switched import Switched
from tests.upstream.wire import END, wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"2\r\nok\r\n0\r\n\r\n"
AWHILE_S = 0.05
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


def a_head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


async def whole(reply: Reply) -> bytes:
    try:
        return b"".join([chunk async for chunk in reply.body])
    finally:
        await reply.body.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        a_head("Content-Length: 2", "Content-Length: 3") + b"ok!",
        a_head("Content-Length: 2, 3") + b"ok!",
        a_head("Content-Length: +2") + b"ok",
        a_head("Content-Length: 99999999999999999999999") + b"ok",
        a_head("Content-Length: 2", "Transfer-Encoding: chunked") + CHUNKED,
        a_head("Transfer-Encoding: chunked", "Content-Length: 2") + CHUNKED,
        a_head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + CHUNKED,
        a_head("Transfer-Encoding: gzip, chunked") + CHUNKED,
        a_head("Transfer-Encoding: chunked, gzip") + CHUNKED,
        a_head("Transfer-Encoding: xchunked") + CHUNKED,
        a_head("Transfer-Encoding : chunked") + CHUNKED,
        a_head("Content-Length : 2") + b"ok",
        a_head("Connection : close", "Content-Length: 2") + b"ok",
        a_head("X-A : 1", "Content-Length: 2") + b"ok",
        a_head("X-A: 1\r2", "Content-Length: 2") + b"ok",
        a_head("X-A: 1\x002", "Content-Length: 2") + b"ok",
        a_head("X A: 1", "Content-Length: 2") + b"ok",
        a_head("no colon", "Content-Length: 2") + b"ok",
        b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok",
        b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
        SWITCH,  # nobody asked for it
    ],
    ids=lambda answer: answer.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"|").decode()[:60],
)
async def test_what_can_be_misread_is_malformed_and_ends_the_connection(answer: bytes) -> None:
    async with wire() as provider:
        with pytest.raises(Failure) as caught:
            await provider.ask(answer)
        assert caught.value.kind is FailureKind.MALFORMED
        assert await whole(await provider.ask(OK)) == b"ok"
        assert provider.connections == 2


async def test_a_folded_line_comes_as_one() -> None:
    async with wire() as provider:
        reply = await provider.ask(a_head("X-A: 1", "  2", "Content-Length: 2") + b"ok")
        assert (reply.headers.get("X-A") or "").split() == ["1", "2"]
        assert await whole(reply) == b"ok"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", a_head("Content-Length: 200")),
        ("HEAD", a_head("Transfer-Encoding: chunked")),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 200\r\n\r\n"),
        ("GET", a_head("Content-Length: 0")),
        ("GET", a_head("Transfer-Encoding: chunked", "Trailer: X-T") + b"0\r\nX-T: 1\r\n\r\n"),
    ],
)
async def test_without_a_body_the_connection_serves_the_next(method: str, answer: bytes) -> None:
    async with wire() as provider:
        assert await whole(await provider.ask(answer, method=method)) == b""
        assert await whole(await provider.ask(OK)) == b"ok"
        assert provider.connections == 1


@pytest.mark.parametrize(
    "late",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"x",
    ],
    ids=["an answer", "408", "interim", "a part", "garbage"],
)
@pytest.mark.parametrize("repeatable", [True, False])
async def test_what_comes_unasked_is_nobodys_answer(late: bytes, repeatable: bool) -> None:
    async with wire() as provider:
        assert await whole(await provider.ask(OK, late)) == b"ok"
        await asyncio.sleep(AWHILE_S)
        method = "GET" if repeatable else "DELETE"
        assert await whole(await provider.ask(OK, method=method)) == b"ok"
        assert provider.connections == 2
        assert len(provider.heads) == 2


async def test_a_body_where_none_may_be_ends_the_connection() -> None:
    async with wire() as provider:
        head = b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"
        assert await whole(await provider.ask(head, b"ok")) == b""
        await asyncio.sleep(AWHILE_S)
        assert await whole(await provider.ask(OK)) == b"ok"
        assert provider.connections == 2


async def test_interim_answers_are_told() -> None:
    told: list[tuple[int, str | None]] = []

    def interim(status: int, headers: Headers) -> None:
        told.append((status, headers.get("Link")))

    async with wire() as provider:
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
        others = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        reply = await provider.ask(hint, others, OK, interim=interim)
        assert await whole(reply) == b"ok"
        assert told == [(103, "</style.css>"), (102, None)]
        assert await whole(await provider.ask(hint, OK)) == b"ok"  # nobody to tell
        assert provider.connections == 1


async def test_interim_answers_without_end_come_to_one() -> None:
    async with wire() as provider:
        with pytest.raises(Failure) as caught:
            await provider.ask(b"HTTP/1.1 102 Processing\r\n\r\n" * (MOST_INTERIM + 1))
        assert caught.value.kind is FailureKind.MALFORMED


async def test_a_switch_hands_the_connection_on() -> None:
    async with wire() as provider:
        reply = await provider.ask(SWITCH + b"at once", upgrade="websocket")
        assert reply.status == 101
        assert isinstance(reply.body, Switched)
        transport, early = reply.body.take_over()
        assert early == b"at once"
        transport.set_protocol(asyncio.Protocol())
        transport.close()
        await reply.body.aclose()
        await reply.body.aclose()
        assert await whole(await provider.ask(OK)) == b"ok"
        assert provider.connections == 2


async def test_a_switch_that_nobody_takes_closes_the_connection() -> None:
    async with wire() as provider:
        reply = await provider.ask(SWITCH, upgrade="websocket")
        await reply.body.aclose()
        async with asyncio.timeout(5):
            await provider.closed.wait()


async def test_a_provider_may_switch_say_one_thing_and_go() -> None:
    async with wire() as provider:
        reply = await provider.ask(SWITCH + b"bye", END, upgrade="websocket")
        await asyncio.sleep(AWHILE_S)
        assert isinstance(reply.body, Switched)
        transport, early = reply.body.take_over()
        assert early == b"bye"
        assert transport.is_closing()
        await reply.body.aclose()


@pytest.mark.parametrize(
    "fields", ["Connection: upgrade\r\nUpgrade: h2c", "Connection: upgrade", "Upgrade: websocket"]
)
async def test_another_switch_than_was_asked_for_is_malformed(fields: str) -> None:
    async with wire() as provider:
        with pytest.raises(Failure) as caught:
            await provider.ask(
                f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n\r\n".encode(),
                upgrade="websocket",
            )
        assert caught.value.kind is FailureKind.MALFORMED
