"""Answers that break on the way, as bytes: a cut never looks like an end, in any framing."""

import gzip
from collections.abc import Iterator

import orjson
import pytest

from proxy.drill.faults.canned import Canned
from proxy.drill.faults.cut import Cut
from proxy.drill.faults.cut_inside import CutInside
from proxy.drill.faults.good import GOOD
from proxy.drill.faults.hang_up import HangUp
from proxy.drill.faults.no_end import NoEnd
from proxy.drill.faults.reset import Reset
from proxy.drill.faults.stall import Stall
from proxy.drill.server.turn import Fault
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.wire import Response, Wire, request
from tests.provider import Provider

CHAT = "/openai/v1/chat/completions"
PLAIN = orjson.dumps(QUESTION)
STREAM = orjson.dumps({**QUESTION, "stream": True})


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = one(providers).replace("defaults:", "defaults:\n  timeout: {idle: 300ms}")
    with serving(policy(tmp_path_factory.mktemp("broken"), text)) as running:
        yield running


def _ask(proxy: Serving, target: str, body: bytes, version: str = "HTTP/1.1") -> Response:
    with Wire(proxy.port) as wire:
        wire.send(request("POST", target, [], body, version))
        return wire.response("POST")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Cut(pieces=2), id="cut"),
        pytest.param(Cut(pieces=2, reset=True), id="reset"),
        pytest.param(CutInside(pieces=3), id="cut inside of an event"),
        pytest.param(Stall(pieces=2), id="stall"),
        pytest.param(NoEnd(pieces=2), id="a clean end too early"),
    ],
)
def test_a_stream_ends_with_an_error_event_and_without_its_end(
    proxy: Serving, first: Provider, fault: Fault, version: str
) -> None:
    first.plays(fault)
    response = _ask(proxy, CHAT, STREAM, version)
    assert (response.status, response.whole) == (200, False)
    *events, last = response.body.removesuffix(b"\n\n").split(b"\n\n")
    assert all(event.startswith(b'data: {"id"') for event in events)
    assert last.startswith(b'data: {"error"')
    assert orjson.loads(last.removeprefix(b"data: "))["error"]["message"]
    assert b"[DONE]" not in response.body


def test_a_compressed_stream_of_a_promised_length_does_not_look_whole_without_its_end(
    proxy: Serving, first: Provider
) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
    packed = gzip.compress(event * 3)
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n" % len(packed)
    )
    first.plays(Canned((head + packed,)))
    response = _ask(proxy, CHAT, STREAM)
    assert (response.status, response.whole) == (200, False)
    assert gzip.decompress(response.body) == event * 3


@pytest.mark.parametrize("target", ["/raw/v1/messages", "/openai/v1/audio/speech"])
@pytest.mark.parametrize("body", [PLAIN, STREAM], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", [Cut(pieces=2), Stall(pieces=2)], ids=["cut", "stall"])
def test_what_nobody_reads_is_cut_where_it_was_cut(
    proxy: Serving, first: Provider, target: str, body: bytes, fault: Fault
) -> None:
    first.plays(fault)
    response = _ask(proxy, target, body)
    assert (response.status, response.whole) == (200, False)


def _large(status: int) -> Canned:
    body = b'{"choices": [{"message": {"content": "' + b"x" * (6 * 2**20)
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) + 100}\r\n\r\n"
    return Canned((head.encode(), body), closes=True)


def test_an_answer_too_large_to_be_held_is_cut_where_it_was_cut(
    proxy: Serving, first: Provider
) -> None:
    first.plays(_large(200))
    response = _ask(proxy, CHAT, PLAIN)
    assert (response.status, response.whole) == (200, False)


def test_an_error_too_large_to_be_held_is_told_in_our_words(
    proxy: Serving, first: Provider
) -> None:
    first.plays(_large(500))
    response = _ask(proxy, CHAT, PLAIN)
    assert (response.status, response.whole) == (503, True)
    assert orjson.loads(response.body)["error"]["code"] == "unavailable"


def test_a_compressed_stream_gets_no_readable_event_and_no_end(
    proxy: Serving, first: Provider
) -> None:
    text = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
    packed = gzip.compress(text) * 3
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    first.plays(Canned((head, b"%x\r\n%b\r\n" % (len(packed), packed)), closes=True))
    response = _ask(proxy, CHAT, STREAM)
    assert (response.whole, response.body) == (False, packed)


@pytest.mark.parametrize("fault", [HangUp(), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("body", [PLAIN, STREAM], ids=["plain", "stream"])
def test_a_connection_that_died_while_idle_is_no_attempt(
    proxy: Serving, first: Provider, fault: Fault, body: bytes
) -> None:
    first.plays(GOOD, fault, GOOD)
    assert _ask(proxy, CHAT, body).status == 200
    response = _ask(proxy, CHAT, body)
    assert (response.status, response.value("x-understudy-attempts")) == (200, "1")
    assert len(first.requests) == 3


def test_a_request_with_effects_is_not_sent_again(proxy: Serving, first: Provider) -> None:
    first.plays(GOOD, HangUp(), GOOD)
    assert _ask(proxy, CHAT, PLAIN).status == 200
    assert _ask(proxy, "/openai/v1/files", b"a file").status == 502
    assert len(first.requests) == 2


def test_the_one_providers_error_goes_through_unchanged(proxy: Serving, first: Provider) -> None:
    body = b'{"error" : {"message":"no", "type":"tokens",\n"code":null} }'
    head = (
        b"HTTP/1.1 429 Slow Down\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"
        b"x-ratelimit-limit-requests: 3\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    first.plays(Canned((head + body,)))
    response = _ask(proxy, CHAT, PLAIN)
    assert (response.status, response.body) == (429, body)
    assert response.value("Retry-After") == "7"
    assert response.values("Set-Cookie") == ["a=b", "c=d"]
    assert not response.values("x-should-retry")
