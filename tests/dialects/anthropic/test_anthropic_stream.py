"""Streams of messages: when they get useful, fail, or end; mechanics are in test_follow."""

import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.dialects.anthropic.stream import reader
from proxy.dialects.follow import Follower
from tests.dialects.anthropic.parts import (
    BLOCK_END,
    END,
    HELLO,
    OVERLOADED,
    PING,
    SSE,
    START,
    WHOLE,
    begin,
    delta,
    event,
    stop,
    word,
)


def fed(*chunks: bytes) -> Follower:
    follower = reader(Operation.CHAT, CIMultiDict(SSE))
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


@pytest.mark.parametrize(
    ("operation", "headers", "follows"),
    [
        (Operation.CHAT, SSE, True),
        (Operation.COMPLETIONS, {"Content-Type": "TEXT/EVENT-STREAM"}, True),
        (Operation.CHAT, {**SSE, "content-encoding": "gzip"}, True),
        (Operation.CHAT, {**SSE, "content-encoding": "compress"}, False),
        (Operation.CHAT, {"content-type": "application/json"}, False),
        (Operation.CHAT, {}, False),
        (Operation.COUNT_TOKENS, SSE, False),
    ],
)
def test_what_is_followed(operation: Operation, headers: dict[str, str], follows: bool) -> None:
    assert (reader(operation, CIMultiDict(headers)) is not None) is follows


@pytest.mark.parametrize(
    "chunk",
    [
        word("a"),
        begin(text="a"),
        begin("thinking", thinking=""),
        begin("tool_use", id="t", name="f", input={}),
        begin("server_tool_use", id="t"),
        begin("redacted_thinking", data="x"),
        delta(type="thinking_delta", thinking="hm"),
        delta(type="input_json_delta", partial_json='{"a'),
        delta(type="signature_delta", signature="x"),
        stop("end_turn"),
        END,
        event("completion", completion=" a", stop_reason=None),
        event("completion", completion="", stop_reason="stop_sequence"),
    ],
)
def test_useful(chunk: bytes) -> None:
    assert fed(START, PING, chunk).useful


@pytest.mark.parametrize(
    "chunk",
    [
        begin(),
        PING,
        word(""),
        delta(type="input_json_delta", partial_json=""),
        BLOCK_END,
        stop(None),
        event("completion", completion="", stop_reason=None),
        event("something_new", text="x"),
        b"data: not json\n\n",
        b"data: [1]\n\n",
        event("content_block_delta", delta=None),
        event("message_start", message=None),
        word("a")[:-1],
    ],
)
def test_not_useful_yet(chunk: bytes) -> None:
    follower = fed(START, chunk)
    assert not follower.useful
    assert follower.failure is None


@pytest.mark.parametrize("before", [(), (START,), HELLO])
def test_an_error_event_is_seen_early_and_late(before: tuple[bytes, ...]) -> None:
    failure = fed(*before, OVERLOADED).failure
    assert failure is not None
    assert (failure.kind, failure.status, failure.message) == ("unavailable", 200, "Overloaded")
    assert fed(*before, b"event: error\ndata: out of order\n\n").failure is not None


def test_whole() -> None:
    assert fed(*WHOLE).finish() is None
    assert fed(*WHOLE).done
    assert fed(*WHOLE[:-1]).finish() is None, "it said why it stopped"
    assert str(fed(*WHOLE[:-2]).finish()) == (
        "broken_stream (200): its stream ended before it was finished"
    )


def test_words_about_errors_are_words() -> None:
    told = word('event: error {"type": "error", "error": 1} message_stop "stop_reason": "x"')
    follower = fed(*HELLO, told)
    assert follower.failure is None
    assert not follower.finished


@pytest.mark.parametrize(
    ("start", "end", "seen"),
    [
        ({"input_tokens": 5, "output_tokens": 1}, {"output_tokens": 9}, UsageSeen(5, 9)),
        (
            {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 1},
            {"input_tokens": 6, "output_tokens": 9},
            UsageSeen(14, 9),
        ),
        ({"input_tokens": 5}, {}, UsageSeen(5, None)),
        ({}, {"output_tokens": 9}, UsageSeen(None, 9)),
        ({"input_tokens": "5"}, {"output_tokens": -1}, None),
    ],
)
def test_usage(start: dict[str, int], end: dict[str, int], seen: UsageSeen | None) -> None:
    begun = event("message_start", message={"usage": start})
    assert fed(begun, word("a"), stop("end_turn", **end), END).usage == seen
