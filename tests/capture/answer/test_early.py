"""When an app that waits for a stream is told to go on waiting, and how its answer comes then."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from multidict import CIMultiDict

from proxy.capture.answer.early import AGAIN_S, MOST_S, UNTOLD_S, Early, marks, onward
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Reply, Source, Whole
from proxy.dialects.frames import WAITING
from tests.calls import a_call
from tests.clock import FalseClock

CHUNK = b"%x\r\n%b\r\n" % (len(WAITING), WAITING)


@dataclass
class Transport:
    sent: list[bytes] = field(default_factory=list)
    unread_bytes: int = 0
    closing: bool = False

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def write(self, data: bytes) -> None:
        self.sent.append(data)


class Writer:
    def __init__(self) -> None:
        self.chunked = False
        self.output_size = 0

    def enable_chunking(self) -> None:
        self.chunked = True


class Request:
    """As much of aiohttp's as is asked for."""

    def __init__(self, keep_alive: bool = True) -> None:
        self.transport: Transport | None = Transport()
        self.writer = Writer()
        self.keep_alive = keep_alive


class Stage:
    def __init__(self, patience: str | None = None, *, keep_alive: bool = True) -> None:
        self.clock = FalseClock()
        self.request = Request(keep_alive)
        assert self.request.transport is not None
        self.transport = self.request.transport
        told = {} if patience is None else {"x-stainless-read-timeout": patience}
        call = a_call(self.clock, headers=CIMultiDict(told), stream=True)
        request: Any = self.request
        self.early = Early(request, call, WAITING, self.clock)

    def at(self) -> list[float]:
        """When something was sent, in the first two minutes."""
        began, found = self.clock.now(), []
        while (due := self.clock.next_due) is not None and self.clock.now() + due < began + 120:
            before = len(self.transport.sent)
            self.clock.pass_time(due)
            if len(self.transport.sent) > before:
                found.append(self.clock.now() - began)
        return found


@pytest.mark.parametrize(
    ("patience", "first_s", "again_s"),
    [
        (None, UNTOLD_S, AGAIN_S),
        ("600", MOST_S, AGAIN_S),
        ("40", 20.0, AGAIN_S),
        ("10", 5.0, 5.0),
        ("soon", UNTOLD_S, AGAIN_S),
    ],
)
def test_when_the_app_hears_of_us(patience: str | None, first_s: float, again_s: float) -> None:
    at = Stage(patience).at()
    assert at[:3] == [first_s, first_s + again_s, first_s + 2 * again_s]


def test_first_a_head_then_comments() -> None:
    stage = Stage("10")
    assert not stage.early.begun
    stage.clock.pass_time(10.0)
    first, second = stage.transport.sent
    head, body = first.split(b"\r\n\r\n", 1)
    status, *fields = head.decode().split("\r\n")
    assert status == "HTTP/1.1 200 OK"
    known = dict(line.split(": ", 1) for line in fields)
    assert known.pop("Date").endswith(" GMT")
    assert known == {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache",
        "x-understudy-request-id": "us-1",
        "Via": "1.1 understudy",
        "Transfer-Encoding": "chunked",
    }
    assert (body, second) == (CHUNK, CHUNK)
    assert stage.early.begun
    assert stage.request.writer.chunked
    assert stage.request.writer.output_size == len(first) + len(second), "an answer was begun"


def test_who_will_close_the_connection_hears_so() -> None:
    stage = Stage("10", keep_alive=False)
    stage.clock.pass_time(5.0)
    assert b"\r\nConnection: close\r\n" in stage.transport.sent[0]


def test_an_answer_in_time_knows_nothing_of_it() -> None:
    stage = Stage("10")
    stage.clock.pass_time(4.9)
    stage.early.stop()
    stage.early.stop()
    assert stage.at() == []
    assert not stage.early.begun


def test_comments_do_not_pile_up_before_an_app_that_does_not_read() -> None:
    stage = Stage("10")
    stage.transport.unread_bytes = 1
    assert stage.at() == [5.0]
    stage.transport.unread_bytes = 0
    assert stage.at()[:2] == [5.0, 10.0], "when it reads again"


@pytest.mark.parametrize("gone", [True, False])
def test_who_has_hung_up_is_told_nothing(gone: bool) -> None:
    stage = Stage("10")
    stage.transport.closing = True
    if gone:
        stage.request.transport = None
    assert stage.at() == []
    assert stage.clock.next_due is None


def a_reply(status: int = 200, **fields: str) -> Reply:
    headers = CIMultiDict({"Content-Type": "text/event-stream"})
    headers.update(fields)
    return Reply(status, headers, Whole(b""), source=Source.UPSTREAM, target="azure")


def test_marks_that_come_late_are_a_comment() -> None:
    reply = a_reply(**{"x-understudy-degraded": "a provider's own word"})
    words = "source=upstream target=azure attempts=0 fallback=true"
    assert marks(a_call(), reply) == f": understudy {words}\n\n".encode()
    reply.degraded = "stale answer, 3 s old"
    assert marks(a_call(), reply).endswith(b' degraded="stale answer, 3 s old"\n\n')


async def _nowhere(chunk: bytes) -> None:
    """Takes anything."""


def test_only_events_can_go_to_who_was_promised_events() -> None:
    assert onward(a_reply(), _nowhere) is _nowhere
    assert onward(a_reply(**{"content-encoding": "identity"}), _nowhere) is _nowhere
    for wrong in (
        a_reply(503),
        a_reply(**{"content-type": "application/json"}),
        a_reply(**{"content-encoding": "compress"}),
    ):
        assert onward(wrong, _nowhere) is None


async def test_compressed_events_are_opened_for_who_was_promised_plain_ones() -> None:
    got: list[bytes] = []

    async def write(chunk: bytes) -> None:
        got.append(chunk)

    opened = onward(a_reply(**{"content-encoding": "gzip"}), write)
    assert opened is not None
    packed = zlib.compress(b"data: a\n\ndata: b\n\n", wbits=31)
    for at in range(len(packed)):
        await opened(packed[at : at + 1])
    assert b"".join(got) == b"data: a\n\ndata: b\n\n"
    with pytest.raises(Failure) as caught:
        await opened(b"garbage")
    assert caught.value.kind is FailureKind.MALFORMED
