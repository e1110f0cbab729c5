"""Streams of ConverseStream and InvokeModelWithResponseStream, followed to their ends."""

from base64 import b64encode
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import FailureKind
from proxy.dialects.bedrock.dialect import Bedrock
from proxy.dialects.bedrock.frames import frame
from proxy.dialects.dialect import StreamReader
from tests.dialects.recordings import cuts, recordings

DIALECT = Bedrock()
STREAM = {"content-type": "application/vnd.amazon.eventstream"}


def event(kind: str, **fields: Any) -> bytes:
    return frame({":event-type": kind, ":message-type": "event"}, orjson.dumps(fields))


def chunk(**inner: Any) -> bytes:
    return event("chunk", bytes=b64encode(orjson.dumps(inner)).decode(), p="abc")


def exception(kind: str, message: str = "no") -> bytes:
    fields = {":exception-type": kind, ":message-type": "exception"}
    return frame(fields, orjson.dumps({"message": message}))


START = event("messageStart", role="assistant")
WORD = event("contentBlockDelta", delta={"text": "word"}, contentBlockIndex=0)
STOP = event("messageStop", stopReason="end_turn")
USAGE = event("metadata", usage={"inputTokens": 5, "outputTokens": 2}, metrics={"latencyMs": 1})
CONVERSED = START + WORD + event("contentBlockStop", contentBlockIndex=0) + STOP + USAGE
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 2}}
CLAUDE_START = chunk(type="message_start", message={"usage": {"input_tokens": 5}})
CLAUDE_WORD = chunk(type="content_block_delta", delta={"text": "word"})
CLAUDE_STOP = chunk(type="message_stop", **METRICS)


def fed(*chunks: bytes) -> StreamReader:
    follower = DIALECT.reader(Operation.CHAT, CIMultiDict(STREAM))
    assert follower is not None
    for piece in chunks:
        follower.feed(piece)
    return follower


@pytest.mark.parametrize(
    ("operation", "headers", "follows"),
    [
        (Operation.CHAT, STREAM, True),
        (Operation.CHAT, {**STREAM, "content-encoding": "gzip"}, True),
        (Operation.CHAT, {**STREAM, "content-encoding": "compress"}, False),
        (Operation.CHAT, {"content-type": "application/json"}, False),
        (Operation.OTHER, STREAM, False),
    ],
)
def test_what_is_followed(operation: Operation, headers: dict[str, str], follows: bool) -> None:
    assert (DIALECT.reader(operation, CIMultiDict(headers)) is not None) is follows


@pytest.mark.parametrize(
    ("piece", "useful"),
    [
        (START, False),
        (event("contentBlockDelta", delta={"text": ""}), False),
        (event("contentBlockStop"), False),
        (event("contentBlockStart", start={}), False),
        (WORD, True),
        (event("contentBlockStart", start={"toolUse": {"name": "f"}}), True),
        (event("contentBlockDelta", delta={"reasoningContent": {"text": "hm"}}), True),
        (STOP, True),
        (CLAUDE_START, False),
        (chunk(type="ping"), False),
        (chunk(type="content_block_start", content_block={"type": "text", "text": ""}), False),
        (chunk(type="content_block_start", content_block={"type": "tool_use"}), True),
        (CLAUDE_WORD, True),
        (chunk(messageStart={"role": "assistant"}), False),
        (chunk(contentBlockDelta={"delta": {"text": "word"}}), True),
        (chunk(outputText="word"), True),
        (event("chunk", bytes="!"), False),
        (event("chunk", bytes=7), False),
        (event("unheard-of", x=1), False),
    ],
)
def test_useful(piece: bytes, useful: bool) -> None:
    assert fed(piece).useful is useful
    assert fed(piece).failure is None


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (CONVERSED, None),
        (START + WORD + STOP, None),
        (CLAUDE_START + CLAUDE_WORD + CLAUDE_STOP, None),
        (chunk(outputText="all of it", completionReason="FINISH", **METRICS), None),
        (START + WORD, "broken_stream"),
        (START + WORD + STOP[:-1], "broken_stream"),
        (CLAUDE_START + CLAUDE_WORD, "broken_stream"),
        (START, "broken_stream"),
        (b"", "broken_stream"),
        (START + exception("throttlingException"), "rate_limit"),
        (exception("modelStreamErrorException"), "unavailable"),
        (START + WORD + exception("internalServerException"), "unavailable"),
        (START + WORD + exception("serviceUnavailableException"), "unavailable"),
        (exception("validationException"), "bad_request"),
        (
            exception("validationException", "Input is too long for requested model."),
            "context_length",
        ),
        (exception("somethingNew"), "unavailable"),
        (CLAUDE_START + chunk(type="error", error={"message": "Overloaded"}), "unavailable"),
        (b'{"message":"Too many requests", "__type":"ThrottlingException"}', "rate_limit"),
        (b"<html>", "malformed"),
        (START + b"\xff" * 20, "malformed"),
    ],
)
def test_ends(stream: bytes, kind: str | None) -> None:
    for pieces in cuts(stream, 7):
        failure = fed(*pieces).finish()
        assert (failure and failure.kind.value) == kind


def test_usage() -> None:
    assert fed(CONVERSED).usage == UsageSeen(5, 2)
    assert fed(CLAUDE_START, CLAUDE_WORD, CLAUDE_STOP).usage == UsageSeen(5, 2)
    assert fed(CONVERSED).done


def test_words_are_not_read_for_what_they_say() -> None:
    told = event("contentBlockDelta", delta={"text": '"stopReason" exception :error- "bytes"'})
    follower = fed(START, WORD, told)
    assert follower.failure is None
    assert not follower.finished


def test_sound_ends_before_an_exception() -> None:
    late = exception("throttlingException")
    assert fed().sound(WORD + WORD + late) == len(WORD) * 2
    assert fed().sound(WORD + WORD) == len(WORD) * 2
    assert fed().sound(late) == 0


@pytest.mark.parametrize("kind", list(FailureKind))
def test_our_own_end_is_read_as_an_exception(kind: FailureKind) -> None:
    ours = DIALECT.error_event(kind, "it brøke")
    failure = fed(START, WORD, ours).failure
    assert failure is not None
    assert failure.message == "it brøke"
    assert fed().boundary(ours) == len(ours)


def test_a_stream_cut_before_its_end_is_broken_wherever_it_is_cut() -> None:
    streams = 0
    for recording in recordings("bedrock"):
        reader = DIALECT.reader(
            DIALECT.recognise(recording.method, recording.path), recording.headers
        )
        if reader is None:
            continue
        streams += 1
        told = recording.body.find(b"messageStop")
        told = recording.body.rfind(b":event-type") - 20 if told < 0 else told - 20
        for part in (1, told // 3, told // 2, told):
            cut = fed(recording.body[:part])
            failure = cut.finish()
            assert failure is not None, (recording.id, part)
            assert failure.kind == "broken_stream"
    assert streams > 25
