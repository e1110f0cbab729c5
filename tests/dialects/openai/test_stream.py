"""Streams are followed: when they get useful, fail, or end without being whole."""

import gzip

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind
from proxy.dialects.follow import Follower
from proxy.dialects.openai import stream
from proxy.dialects.openai.stream import reader
from tests.dialects.recordings import cuts

SSE = {"content-type": "text/event-stream; charset=utf-8"}


def event(**fields: object) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(finish: str | None = None, **says: object) -> bytes:
    return event(choices=[{"index": 0, "delta": says, "finish_reason": finish}])


ROLE = delta(role="assistant", content="")
WORD = delta(content="word")
STOP = delta("stop")
DONE = b"data: [DONE]\n\n"


def fed(*chunks: bytes) -> Follower:
    follower = reader(Operation.CHAT, CIMultiDict(SSE))
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


def end_of(*chunks: bytes) -> str | None:
    failure = fed(*chunks).finish()
    return failure.kind.value if failure else None


@pytest.mark.parametrize(
    ("operation", "headers", "follows"),
    [
        (Operation.CHAT, SSE, True),
        (Operation.COMPLETIONS, {"Content-Type": "TEXT/EVENT-STREAM"}, True),
        (Operation.CHAT, {**SSE, "content-encoding": "gzip"}, True),
        (Operation.CHAT, {**SSE, "content-encoding": "compress"}, False),
        (Operation.CHAT, {"content-type": "application/json"}, False),
        (Operation.CHAT, {}, False),
        (Operation.EMBEDDINGS, SSE, False),
        (Operation.OTHER, SSE, False),
    ],
)
def test_what_is_followed(operation: Operation, headers: dict[str, str], follows: bool) -> None:
    assert (reader(operation, CIMultiDict(headers)) is not None) is follows


@pytest.mark.parametrize(
    "chunk",
    [
        WORD,
        STOP,
        delta(tool_calls=[{"index": 0}]),
        delta(function_call={"name": "f"}),
        delta(refusal="I will not"),
        delta(reasoning_content="hm"),
        delta(reasoning="hm"),
        delta(audio={"id": "a"}),
        event(choices=[{"text": "word", "index": 0, "finish_reason": None}]),
    ],
)
def test_useful(chunk: bytes) -> None:
    assert not fed(ROLE).useful
    assert fed(ROLE, chunk).useful


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        b": ping\n\n",
        ROLE,
        event(choices=[], prompt_filter_results=[{}]),
        event(choices=[], usage={"prompt_tokens": 1}),
        event(choices=[{"text": "", "index": 0}]),
        b"data: not json\n\n",
        b"data: [1, 2]\n\n",
        event(choices="none"),
        event(choices=[None, {"delta": None}]),
        WORD[:-1],
    ],
)
def test_not_useful_yet(chunk: bytes) -> None:
    assert not fed(chunk).useful
    assert fed(chunk).failure is None


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ((ROLE, WORD, STOP, DONE), None),
        ((ROLE, WORD, STOP), None),
        ((ROLE, WORD, DONE), None),
        ((ROLE, WORD, WORD), "broken_stream"),
        ((ROLE, WORD, STOP[:-1]), "broken_stream"),
        ((ROLE, WORD, delta("error"), b""), "unavailable"),
        ((ROLE, WORD, delta("error"), DONE), "unavailable"),
        (
            (event(choices=[{"finish_reason": "error", "error": {"code": 429, "message": "m"}}]),),
            "rate_limit",
        ),
        ((ROLE,), "broken_stream"),
        ((b": ping\n\n",), "broken_stream"),
        ((b"\n\n",), "broken_stream"),
        ((), "broken_stream"),
        ((WORD, DONE, b"data: {{{\n\nevent: error\ndata: late\n\n"), None),
        ((WORD, b"data: {{{\n\n", STOP), None),
        ((b'{"error": {"message": "slow down", "code": 429}}',), "rate_limit"),
        ((b"\xef\xbb\xbf\n", b'{"choices": []}'), "malformed"),
        ((b'[{"x"',), "malformed"),
        ((b" \n<!DOCTYPE html>",), "malformed"),
        ((b"upstream connect error",), "broken_stream"),
    ],
)
def test_ends(chunks: tuple[bytes, ...], kind: str | None) -> None:
    assert end_of(*chunks) == kind
    body = b"".join(chunks)
    for pieces in cuts(body, 7):
        assert end_of(*pieces) == kind


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        (event(error={"message": "no", "type": "server_error"}), "unavailable"),
        (event(error={"message": "no", "code": "rate_limit_exceeded"}), "rate_limit"),
        (event(error={"message": "no"}, choices=[{"finish_reason": "error"}]), "unavailable"),
        (b'event: error\ndata: {"message": "no", "type": "invalid_request_error"}\n\n', "bad_req"),
        (b"event: error\ndata: out of order\n\n", "unavailable"),
        (b"event:error\ndata: {}\n\n", "unavailable"),
    ],
)
def test_an_error_event_is_seen_early_and_late(chunk: bytes, kind: str) -> None:
    for before in ((), (ROLE,), (ROLE, WORD, WORD)):
        failure = fed(*before, chunk).failure
        assert failure is not None
        assert failure.kind.value.startswith(kind)
        assert failure.status == 200
        assert fed(*before, chunk, STOP, DONE).finish() is not None


def test_no_error_is_no_error() -> None:
    follower = fed(event(error=None, choices=[]), WORD, event(error=None, choices=[]), STOP)
    assert follower.finish() is None


def test_words_about_errors_are_words() -> None:
    told = delta(content='{"error": {"message": "[DONE] event: error"}} "finish_reason":"stop"')
    follower = fed(WORD, told)
    assert follower.failure is None
    assert end_of(WORD, told) == "broken_stream"


def test_the_last_usage_counts() -> None:
    early = event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 1})
    late = event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 9})
    none_yet = event(choices=[{"index": 0, "delta": {"content": "w"}}], usage=None)
    follower = fed(ROLE, WORD, early, none_yet, STOP, late, DONE)
    assert follower.usage == UsageSeen(5, 9)


def test_after_the_first_word_only_telling_events_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = fed(ROLE, WORD)
    read = []
    monkeypatch.setattr(stream, "object_in", lambda data: read.append(data))
    follower.feed(WORD * 3)
    follower.feed(WORD.replace(b"\n\n", b"\r\n\r\n"))
    assert read == []
    follower.feed(WORD[:10])
    follower.feed(WORD[10:] + STOP)
    assert read == [STOP[6:-2]]


def test_every_choice_has_to_finish() -> None:
    def of(index: int, finish: str | None = None) -> bytes:
        return event(choices=[{"index": index, "delta": {"content": "w"}, "finish_reason": finish}])

    both = (of(0), of(1), of(0, "stop"), of(1))
    assert end_of(*both) == "broken_stream"
    assert end_of(*both, of(1, "stop")) is None
    assert end_of(*both, DONE) is None
    assert end_of(ROLE, WORD, of(1), STOP) == "broken_stream", "seen after the first useful chunk"


@pytest.mark.parametrize("index", [[], {}, None, 1.5, "0", True])
def test_an_index_may_be_anything(index: object) -> None:
    odd = event(choices=[{"index": index, "delta": {"content": "w"}, "finish_reason": "stop"}])
    assert end_of(odd) is None


def test_compressed_streams_are_followed() -> None:
    packed = gzip.compress(ROLE + WORD + STOP + DONE)
    for pieces in cuts(packed, 3):
        follower = reader(Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "gzip"}))
        assert follower is not None
        for piece in pieces:
            follower.feed(piece)
        assert follower.useful
        assert follower.finish() is None
        assert follower.boundary(b"\x1f\x8b") == 2


def test_a_compressed_bomb_is_let_through_unseen() -> None:
    follower = reader(Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "gzip"}))
    assert follower is not None
    follower.feed(gzip.compress(b":" + bytes(9 * 1024 * 1024)))
    assert follower.useful
    assert follower.finish() is None


def test_broken_compression_is_malformed() -> None:
    follower = reader(Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "gzip"}))
    assert follower is not None
    follower.feed(WORD)
    assert follower.failure is not None
    assert follower.failure.kind is FailureKind.MALFORMED


def test_boundaries() -> None:
    assert fed().boundary(WORD + b"data: x") == len(WORD)


@given(st.lists(st.binary(max_size=30) | st.sampled_from([ROLE, WORD, STOP, DONE, b"\n\n"])))
def test_garbage_is_a_failure_or_nothing(chunks: list[bytes]) -> None:
    follower = fed(*chunks)
    assert follower.failure is None or isinstance(follower.failure, Failure)
    whole = fed(b"".join(chunks))
    assert (follower.useful, str(follower.finish())) == (whole.useful, str(whole.finish()))


@pytest.mark.parametrize(
    ("chunks", "finished"),
    [
        ((ROLE, WORD), False),
        ((ROLE, WORD, STOP), True),
        ((ROLE, WORD, STOP, WORD[:9]), True),
        ((ROLE, WORD, DONE), True),
        ((ROLE, WORD, delta("error")), False),
        ((WORD, event(choices=[{"index": 1, "delta": {"content": "b"}}]), STOP), False),
        ((), False),
    ],
)
def test_finished(chunks: tuple[bytes, ...], finished: bool) -> None:
    assert fed(*chunks).finished is finished


ERROR = event(error={"message": "overloaded"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", ERROR),
        (b"", ERROR + DONE),
        (WORD + WORD, ERROR),
        (WORD + b": ping\n\n" + WORD, ERROR + b'data: {"half'),
        (WORD, b"event: error\ndata: gone\n\n" + WORD),
        (b'x"}]}\n\n' + WORD, ERROR),
        (b"<tail of a huge event\n\n", ERROR),
        (WORD + WORD, b""),
        (b"", b""),
    ],
)
def test_what_came_before_the_error(before: bytes, after: bytes) -> None:
    for end in (b"\n", b"\r\n"):
        start = before.replace(b"\n", end)
        assert fed(ROLE, WORD).sound(start + after.replace(b"\n", end)) == len(start)


def test_in_a_compressed_stream_it_cannot_be_told() -> None:
    follower = reader(Operation.CHAT, CIMultiDict({**SSE, "content-encoding": "gzip"}))
    assert follower is not None
    assert follower.sound(gzip.compress(WORD + ERROR)) == len(gzip.compress(WORD + ERROR))
