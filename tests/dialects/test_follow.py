"""What all followed streams have in common, seen with Anthropic's events."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind
from proxy.dialects.anthropic.stream import reader
from proxy.dialects.follow import Follower
from tests.dialects.recordings import cuts

SSE = {"content-type": "text/event-stream"}
START = b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
WORD = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"word"}}\n\n'
)
END = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'


def fed(*chunks: bytes, coding: str = "") -> Follower:
    headers = CIMultiDict({**SSE, "content-encoding": coding})
    follower = reader(Operation.CHAT, headers)
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


def end_of(*chunks: bytes) -> str | None:
    failure = fed(*chunks).finish()
    return failure.kind.value if failure else None


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ((START, WORD, END), None),
        ((START, WORD, END[: END.index(b"event: message_stop")]), None),
        ((START, WORD, WORD), "broken_stream"),
        ((START, WORD, END[:40]), "broken_stream"),
        ((START, WORD, b'data: {"type": "con\n\n', END), None),
        ((b": ping\n\n",), "broken_stream"),
        ((b"",), "broken_stream"),
        ((b"\xef\xbb\xbf \r\n",), "broken_stream"),
        ((b"upstream connect error",), "broken_stream"),
        ((b" \n<!DOCTYPE html>",), "malformed"),
        ((b'{"type":"message"}',), "malformed"),
        ((b'["x"',), "malformed"),
        ((b"{" + b" " * 40_000,), "malformed"),
        ((b'{"type":"error","error":{"type":"rate_limit_error"}}',), "rate_limit"),
        ((START, ERROR), "unavailable"),
        ((START, WORD, ERROR, END), "unavailable"),
        ((START, WORD, b'{"error": {"code": 429,\n "message": "slow"}}\n'), "rate_limit"),
        ((START, WORD, b'{"error": {"code": 429,\n "message": "slow"}}\n\n'), "rate_limit"),
        ((START, WORD, END, ERROR), None),
    ],
)
def test_ends(chunks: tuple[bytes, ...], kind: str | None) -> None:
    assert end_of(*chunks) == kind
    for pieces in cuts(b"".join(chunks)[:2000], 7):
        if len(b"".join(chunks)) <= 2000:
            assert end_of(*pieces) == kind


def test_finished_however_the_bytes_end() -> None:
    assert not fed(START, WORD).finished
    assert fed(START, WORD, END).finished
    assert fed(START, WORD, END).done


def test_an_error_event_is_not_sound() -> None:
    follower = fed(START)
    assert follower.sound(WORD + WORD) == 2 * len(WORD)
    assert follower.sound(WORD + ERROR + WORD) == len(WORD)
    assert follower.sound(ERROR) == 0
    assert follower.sound(WORD + ERROR[:-1]) == len(WORD + ERROR) - 1
    assert follower.failure is None, "it only looked"


def test_boundaries() -> None:
    assert fed().boundary(WORD + b"event: x") == len(WORD)


def test_compressed_streams_are_followed() -> None:
    for pieces in cuts(gzip.compress(START + WORD + END), 3):
        follower = fed(*pieces, coding="gzip")
        assert follower.useful
        assert follower.finish() is None
        assert follower.boundary(b"\x1f\x8b") == 2
        assert follower.sound(b"\x1f\x8b") == 2


def test_a_compressed_bomb_is_let_through_unseen() -> None:
    follower = fed(gzip.compress(b":" + bytes(9 * 1024 * 1024)), coding="gzip")
    assert follower.useful
    assert follower.finish() is None


def test_broken_compression_is_malformed() -> None:
    failure = fed(WORD, coding="gzip").failure
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED


def test_after_the_first_word_only_telling_events_are_read() -> None:
    follower = fed(START, WORD)
    read = []

    class Spy:
        useful = True
        done = False
        failure = None
        usage = None
        finished = False

        def take(self, event: object) -> None:
            read.append(event)

        def tells(self, piece: bytes) -> bool:
            return b"message_" in piece

    follower._reading = Spy()  # type: ignore[assignment]
    follower.feed(WORD * 3)
    assert read == []
    follower.feed(WORD[:10])
    follower.feed(WORD[10:] + END)
    assert len(read) == 2


@given(st.lists(st.binary(max_size=30) | st.sampled_from([START, WORD, END, ERROR, b"\n\n"])))
def test_garbage_is_a_failure_or_nothing(chunks: list[bytes]) -> None:
    follower = fed(*chunks)
    assert follower.failure is None or isinstance(follower.failure, Failure)
    whole = fed(b"".join(chunks))
    assert (follower.useful, str(follower.finish())) == (whole.useful, str(whole.finish()))
