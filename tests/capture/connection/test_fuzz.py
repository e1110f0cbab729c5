"""Anything, in any pieces: answered or refused within bounds, never a bug of ours, and never more
requests than were sent."""

import asyncio
import itertools
import logging
from contextlib import suppress
from dataclasses import dataclass

import pytest
from aiohttp.web import BaseRequest, Response, StreamResponse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from proxy.capture.authority import check_host
from proxy.capture.intake import take_in
from proxy.capture.limits import Limits
from proxy.core.clock import SystemClock
from proxy.core.event import Bug
from tests.capture.served import served

LIMITS = Limits(head_s=0.05, keepalive_s=0.05, body_idle_s=0.05, head_bytes=4096, body_bytes=8192)
BOUND_S = 5.0

_NAMES = st.sampled_from([b"X-A", b"x-b", b"Accept", b"Cookie", b"TE", b"Expect-Not"])
_VALUES = st.text('abc ,;="\t\xe9', max_size=12).map(lambda text: text.encode("latin-1"))
_BODIES = st.binary(max_size=300).map(lambda body: bytes(97 + byte % 26 for byte in body))
_ODD = st.sampled_from(
    [
        *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"\xff"),
        *(b"0", b"0\r\n\r\n", b"-1", b"+", b"ffffffffffffffff", b"HTTP/1.0", b"HTTP/2.0"),
        *(b"Content-Length: 0\r\n", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n", b"Host: b\r\n"),
        *(b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b"a" * 5000),
    ]
)


@dataclass(frozen=True)
class Sent:
    """A request as it should be, and the bytes that are sent for it."""

    body: bytes
    raw: bytes
    sound: bool = True


@st.composite
def _requests(draw: st.DrawFn) -> Sent:
    fields = draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=4))
    lines = [b"%b: %b" % field for field in fields]
    body = draw(_BODIES)
    match draw(st.sampled_from(["none", "length", "chunks"])):
        case "none":
            method, body, framed = b"GET", b"", b""
        case "length":
            method, framed = b"POST", body
            lines.append(b"Content-Length: %d" % len(body))
        case _:
            method, framed = b"PUT", _chunked(body, draw(st.integers(1, 40)))
            lines.append(b"Transfer-Encoding: chunked")
    head = b"\r\n".join((b"%b /x HTTP/1.1" % method, b"Host: a", *lines, b"", b""))
    return Sent(body, head + framed)


def _chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@st.composite
def _mutants(draw: st.DrawFn) -> Sent:
    """A request with a few bytes put in, taken out, or written over."""
    raw = draw(_requests()).raw
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        gone = draw(st.integers(0, 4))
        raw = raw[:at] + draw(_ODD | st.just(b"")) + raw[at + gone :]
    return Sent(b"", raw, sound=False)


_GARBAGE = st.binary(max_size=200).map(lambda raw: Sent(b"", raw, sound=False))
_CUTS = st.lists(st.integers(0, 2000), max_size=6)


async def _play(sent: list[Sent], cuts: list[int]) -> tuple[bytes, list[bytes]]:
    """What was answered, and the bodies that came to the handler."""
    bodies: list[bytes] = []

    async def handle(request: BaseRequest) -> StreamResponse:
        check_host(request.headers)
        body, rest = await take_in(request, 2**16, LIMITS, SystemClock())
        assert rest is None
        bodies.append(body)
        return Response(body=b"ok")

    raw = b"".join(one.raw for one in sent)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    answer = b""
    async with served(LIMITS, handle) as running, asyncio.timeout(BOUND_S):
        reader, writer = await running.open()
        for begin, end in itertools.pairwise(edges):
            writer.write(raw[begin:end])
            await asyncio.sleep(0)
        with suppress(ConnectionError):  # closed when idle, just as something came
            answer = await reader.read()
        writer.transport.abort()
    assert not [event for event in running.heard.events if isinstance(event, Bug)]
    return answer, bodies


_BOUNDED = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each takes until the server closes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@_BOUNDED
@given(st.lists(_requests(), min_size=1, max_size=4), _CUTS)
def test_sound_requests_are_all_answered_in_any_pieces(sent: list[Sent], cuts: list[int]) -> None:
    answer, bodies = asyncio.run(_play(sent, cuts))
    assert bodies == [one.body for one in sent]
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == len(sent)


@_BOUNDED
@given(st.lists(_requests() | _mutants() | _GARBAGE, min_size=1, max_size=4), _CUTS)
def test_anything_is_answered_or_refused(
    caplog: pytest.LogCaptureFixture, sent: list[Sent], cuts: list[int]
) -> None:
    with caplog.at_level(logging.WARNING):
        answer, bodies = asyncio.run(_play(sent, cuts))
    assert len(bodies) <= len(sent)
    finals = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert len([line for line in finals if b" 100 " not in line]) <= len(sent) + 1
    assert b" 500 " not in b"".join(finals)
    assert not caplog.records
