"""Streams of v2 (events) and v1 (JSON lines), followed to their ends."""

from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import FailureKind
from proxy.dialects.cohere.dialect import Cohere
from proxy.dialects.dialect import StreamReader
from tests.dialects.recordings import cuts, recordings

DIALECT = Cohere()
V2 = {"content-type": "text/event-stream"}
V1 = {"content-type": "application/stream+json"}


def event(kind: str, **fields: Any) -> bytes:
    told = orjson.dumps({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + told + b"\n\n"


def content(**says: Any) -> bytes:
    return event("content-delta", index=0, delta={"message": {"content": says}})


def line(kind: str, **fields: Any) -> bytes:
    return orjson.dumps({"event_type": kind, "is_finished": kind == "stream-end", **fields}) + b"\n"


USED = {"tokens": {"input_tokens": 5, "output_tokens": 2}}
START = event("message-start", delta={"message": {"content": [], "tool_calls": []}})
BEGUN = START + event("content-start", index=0, delta={"message": {"content": {"text": ""}}})
WORD = content(text="word")
END = event("message-end", delta={"finish_reason": "COMPLETE", "usage": USED})
DONE = b"data: [DONE]\n\n"
LINES = line("stream-start") + line("text-generation", text="word")
LAST = line("stream-end", finish_reason="COMPLETE", response={"text": "word", "meta": USED})


def fed(*chunks: bytes, headers: dict[str, str] | None = None) -> StreamReader:
    follower = DIALECT.reader(Operation.CHAT, CIMultiDict(headers or V2))
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


def test_what_is_followed() -> None:
    for headers, follows in ((V1, True), (V2, True), ({"content-type": "application/json"}, False)):
        assert (DIALECT.reader(Operation.CHAT, CIMultiDict(headers)) is not None) is follows
    assert DIALECT.reader(Operation.EMBEDDINGS, CIMultiDict(V2)) is None
    assert (
        DIALECT.reader(Operation.CHAT, CIMultiDict({**V2, "content-encoding": "compress"})) is None
    )


@pytest.mark.parametrize(
    ("chunk", "useful"),
    [
        (BEGUN, False),
        (content(text=""), False),
        (event("content-end", index=0), False),
        (WORD, True),
        (content(thinking="hm"), True),
        (event("tool-plan-delta", delta={"message": {"tool_plan": "I"}}), True),
        (event("tool-call-start", delta={"message": {"tool_calls": {"id": "x"}}}), True),
        (END, True),
        (event("content-delta", delta=None), False),
    ],
)
def test_useful(chunk: bytes, useful: bool) -> None:
    assert fed(chunk).useful is useful


def test_useful_lines() -> None:
    assert not fed(line("stream-start"), headers=V1).useful
    assert not fed(line("text-generation", text=""), headers=V1).useful
    assert fed(line("text-generation", text="w"), headers=V1).useful
    assert fed(line("search-queries-generation", search_queries=[]), headers=V1).useful


def ended(reason: str, **fields: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, **fields})


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (BEGUN + WORD + END + DONE, None),
        (BEGUN + WORD + END, None),
        (BEGUN + WORD + ended("MAX_TOKENS"), None),
        (BEGUN + WORD, "broken_stream"),
        (BEGUN, "broken_stream"),
        (b"", "broken_stream"),
        (BEGUN + WORD + ended("ERROR", error="oops"), "unavailable"),
        (BEGUN + ended("ERROR_TOXIC"), "content_filter"),
        (BEGUN + ended("ERROR_LIMIT"), "context_length"),
        (BEGUN + ended("TIMEOUT"), "unavailable"),
        (BEGUN + b'event: error\ndata: {"message": "too many tokens"}\n\n', "context_length"),
        (BEGUN + b"event: error\ndata: out of order\n\n", "unavailable"),
        (b'{"message": "invalid api token"}', "auth"),
        (b"<html>", "malformed"),
    ],
)
def test_ends(stream: bytes, kind: str | None) -> None:
    for pieces in cuts(stream, 7):
        failure = fed(*pieces).finish()
        assert (failure and failure.kind.value) == kind


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (LINES + LAST, None),
        (LINES + LAST.rstrip(), None),
        (LINES, "broken_stream"),
        (LINES + LAST[:-5], "broken_stream"),
        (LINES + line("stream-end", finish_reason="ERROR"), "unavailable"),
        (b'{"message": "model \'m\' was removed on September 15"}\n', "model_not_found"),
        (b"<html>", "malformed"),
    ],
)
def test_ends_of_lines(stream: bytes, kind: str | None) -> None:
    for pieces in cuts(stream, 7):
        failure = fed(*pieces, headers=V1).finish()
        assert (failure and failure.kind.value) == kind


def test_usage() -> None:
    assert fed(BEGUN, WORD, END, DONE).usage == UsageSeen(5, 2)
    assert fed(BEGUN, WORD, END, DONE).done
    assert fed(LINES, LAST, headers=V1).usage == UsageSeen(5, 2)


def test_our_own_end_is_read_as_an_error() -> None:
    ours = DIALECT.error_event(FailureKind.NETWORK, "it broke")
    failure = fed(BEGUN, WORD, ours).failure
    assert failure is not None
    assert failure.message == "it broke (network)"
    assert fed().sound(WORD + ours) == len(WORD)


def test_only_what_ended_well_is_kept() -> None:
    events, lines = CIMultiDict(V2), CIMultiDict(V1)
    assert DIALECT.whole(Operation.CHAT, events, BEGUN + WORD + END + DONE, True)
    assert not DIALECT.whole(Operation.CHAT, events, BEGUN + WORD + ended("MAX_TOKENS"), True)
    assert not DIALECT.whole(Operation.CHAT, events, BEGUN + WORD, True)
    assert DIALECT.whole(Operation.CHAT, lines, LINES + LAST, True)
    assert not DIALECT.whole(Operation.CHAT, lines, LINES, True)


def test_a_stream_cut_before_its_end_is_broken_wherever_it_is_cut() -> None:
    streams = 0
    for recording in recordings("cohere"):
        reader = DIALECT.reader(
            DIALECT.recognise(recording.method, recording.path), recording.headers
        )
        if reader is None:
            continue
        streams += 1
        ends = (recording.body.find(word) for word in (b"event: message-end", b'"stream-end"'))
        told = max(ends)
        for part in (1, told // 3, told // 2, told):
            cut = fed(recording.body[:part], headers=dict(recording.headers))
            failure = cut.finish()
            assert failure is not None, (recording.id, part)
            assert failure.kind == "broken_stream"
    assert streams > 12
