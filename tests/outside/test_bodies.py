"""Bodies come out as they went in, both ways, however large and however framed."""

import contextlib
import gzip
import sys
import time
from collections.abc import Iterator
from random import Random

import brotli
import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from proxy.drill.faults.canned import Canned
from proxy.drill.faults.good import GOOD
from proxy.drill.faults.too_large import TooLarge
from proxy.drill.server.turn import Turn
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Wire, ask, chunked, request
from tests.provider import Provider

MOST_HELD_BYTES = 128 * 2**20
"""What the kernel may hold of two connections (32 MiB each is common), and not all there is."""


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("bodies"), one(providers))) as running:
        yield running


@WAYS_IN
@pytest.mark.parametrize("path", ["/v1/files", "/v1/chat/completions"])
def test_a_large_upload_arrives_whole(
    proxy: Serving, first: Provider, prefix: str, path: str
) -> None:
    body = Random(1).randbytes(20 * 2**20 + 17)
    assert ask(proxy.port, "POST", prefix + path, [], body).status == 200
    assert _same(first.requests[0].body, body)
    assert first.requests[0].values("Content-Length") == [str(len(body))]


@WAYS_IN
@pytest.mark.parametrize("size", [0, 1, 70_000, 9 * 2**20])
def test_a_chunked_upload_arrives_whole(
    proxy: Serving, first: Provider, prefix: str, size: int
) -> None:
    body = Random(2).randbytes(size)
    pieces = [body[at : at + 40_000] for at in range(0, size, 40_000)]
    with Wire(proxy.port) as wire:
        wire.send(request("POST", f"{prefix}/v1/x", [("Transfer-Encoding", "chunked")]))
        wire.send(chunked(*pieces))
        assert wire.response("POST").status == 200
    assert _same(first.requests[0].body, body)


def test_an_answer_that_comes_before_the_upload_ends_is_the_answer(
    proxy: Serving, first: Provider
) -> None:
    first.plays(TooLarge())
    with Wire(proxy.port) as wire, contextlib.suppress(ConnectionError):
        wire.send(request("POST", "/openai/v1/files", [("Content-Length", str(64 * 2**20))]))
        wire.send(b"x" * (64 * 2**20))
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/files", [("Content-Length", str(12 * 2**20))]))
        wire.send(b"x" * (9 * 2**20))
        response = wire.response("POST")
    assert response.status == 413
    assert b"Maximum content size" in response.body


@WAYS_IN
def test_a_large_download_arrives_whole(proxy: Serving, first: Provider, prefix: str) -> None:
    body = Random(3).randbytes(32 * 2**20 + 5)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    first.plays(Canned((head, body)))
    response = ask(proxy.port, "GET", f"{prefix}/v1/files/x/content")
    assert response.whole
    assert _same(response.body, body)


@WAYS_IN
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "unheard-of"])
def test_a_compressed_answer_stays_as_it_is(
    proxy: Serving, first: Provider, prefix: str, coding: str
) -> None:
    """What nobody here can open goes through, too."""
    packs = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}
    body = packs.get(coding, bytes)(b'{"choices": []}')
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    first.plays(Canned((head.encode(), body)))
    response = ask(proxy.port, "POST", f"{prefix}/v1/chat/completions", [], b"{}")
    assert (response.status, response.body) == (200, body)
    assert response.value("Content-Encoding") == coding


@WAYS_IN
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_without_content_the_connection_serves_the_next(
    proxy: Serving, first: Provider, prefix: str, status: bytes
) -> None:
    first.plays(Canned((b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n",)))
    with Wire(proxy.port) as wire:
        for _ in range(2):
            response = wire.ask("GET", f"{prefix}/v1/files/x")
            assert (response.status, response.body) == (int(status[:3]), b"")
            assert (response.values("Content-Length") == []) == (response.status == 204)
            assert response.values("Transfer-Encoding") == []


def test_a_slow_reader_holds_the_provider_back(proxy: Serving, first: Provider) -> None:
    first.plays(Endless())
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/endless"))
        wire.head()
        first.until(lambda seen: bool(seen) and seen[0].sent_bytes > 0)
        sent = _settled(first)
    assert sent < MOST_HELD_BYTES


@WAYS_IN
@pytest.mark.parametrize("chunk", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_head_has_the_fields_and_no_body(
    proxy: Serving, first: Provider, prefix: str, chunk: bytes
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nX-A: 1\r\n" + chunk + b"\r\n",)), GOOD)
    with Wire(proxy.port) as wire:
        response = wire.ask("HEAD", f"{prefix}/v1/x")
        assert (response.status, response.values("X-A"), response.body) == (200, ["1"], b"")
        if chunk.startswith(b"Content-Length"):
            assert response.value("Content-Length") == "5"
        assert wire.ask("GET", f"{prefix}/v1/x").status == 200, "the connection goes on"


@WAYS_IN
@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body(
    proxy: Serving, first: Provider, prefix: str, status: int
) -> None:
    first.plays(Canned((f'HTTP/1.1 {status} X\r\nETag: "1"\r\n\r\n'.encode(),)), GOOD)
    with Wire(proxy.port) as wire:
        response = wire.ask("GET", f"{prefix}/v1/x")
        assert (response.status, response.values("ETag")) == (status, ['"1"'])
        assert not response.values("Content-Length")
        assert not response.values("Transfer-Encoding")
        assert wire.ask("GET", f"{prefix}/v1/x").status == 200


def test_answers_without_a_body_give_their_connection_back(proxy: Serving, first: Provider) -> None:
    first.plays(Canned((b"HTTP/1.1 204 X\r\n\r\n",)))
    with Wire(proxy.port) as wire:
        assert wire.ask("DELETE", "/openai/v1/x").status == 204
        before = first.connections
        for _ in range(3):
            assert wire.ask("DELETE", "/openai/v1/x").status == 204
        assert first.connections == before


class Endless:
    """More than anyone wants, as fast as it is taken."""

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good, chunked=True)
        while True:
            await turn.send(b"x" * 2**16)


def _same(seen: bytes, sent: bytes) -> bool:
    """Asked here, because pytest would print the difference of megabytes."""
    return seen == sent


def _settled(provider: Provider) -> int:
    """How much was sent when no more goes out for a while."""
    before = -1
    while before != (now := provider.requests[0].sent_bytes) and now < MOST_HELD_BYTES:
        before = now
        time.sleep(0.2)
    return now
