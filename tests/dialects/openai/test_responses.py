"""Responses: what is kept by the provider, and streams, followed to their ends."""

from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.dialects.dialect import StreamReader
from proxy.dialects.openai.dialect import OpenAI
from tests.dialects.recordings import cuts

DIALECT = OpenAI()
SSE = CIMultiDict({"content-type": "text/event-stream"})


def event(kind: str, **fields: Any) -> bytes:
    told = orjson.dumps({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + told + b"\n\n"


CREATED = event("response.created", response={"status": "in_progress", "error": None})
MESSAGE = event("response.output_item.added", item={"type": "message", "content": []})
PART = event("response.content_part.added", part={"type": "output_text", "text": ""})
WORD = event("response.output_text.delta", delta="word")
USED = {"input_tokens": 5, "output_tokens": 2}
COMPLETED = event("response.completed", response={"status": "completed", "usage": USED})
BEGINNING = CREATED + event("response.in_progress", response={}) + MESSAGE + PART


def fed(*chunks: bytes) -> StreamReader:
    follower = DIALECT.reader(Operation.RESPONSES, SSE)
    assert follower is not None
    for chunk in chunks:
        follower.feed(chunk)
    return follower


@pytest.mark.parametrize(
    ("fields", "stateful"),
    [
        ({}, True),
        ({"store": None}, True),
        ({"store": False}, False),
        ({"store": False, "previous_response_id": "resp_1"}, False),
        ({"store": True}, True),
        ({"store": False, "background": True}, True),
        ({"store": False, "conversation": "conv_1"}, True),
        ({"store": False, "conversation": {"id": "conv_1"}}, True),
    ],
)
def test_what_is_kept_is_not_asked_for_twice(fields: dict[str, Any], stateful: bool) -> None:
    body = orjson.dumps({"model": "m", "input": "x", **fields})
    assert DIALECT.read(Operation.RESPONSES, "/v1/responses", body).stateful is stateful
    assert not DIALECT.read(Operation.CHAT, "/v1/chat/completions", body).stateful


def test_lifecycle_events_are_not_useful() -> None:
    assert not fed(BEGINNING).useful
    assert fed(BEGINNING, WORD).useful
    assert not fed(BEGINNING, event("response.output_text.delta", delta="")).useful
    called = event("response.output_item.added", item={"type": "function_call", "name": "f"})
    assert fed(CREATED, called).useful


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ((BEGINNING, WORD, COMPLETED), None),
        ((BEGINNING, WORD, event("response.incomplete", response={})), None),
        ((BEGINNING, WORD), "broken_stream"),
        ((BEGINNING,), "broken_stream"),
        ((b"",), "broken_stream"),
        ((b'{"error": {"code": "rate_limit_exceeded"}}',), "rate_limit"),
        ((b"<html>",), "malformed"),
        ((BEGINNING, event("error", code="rate_limit_exceeded", message="slow")), "rate_limit"),
        ((BEGINNING, WORD, event("error", code=None, message="oops")), "unavailable"),
        ((BEGINNING, b"event: error\ndata: out of order\n\n"), "unavailable"),
        (
            (
                CREATED,
                event(
                    "response.failed",
                    response={"error": {"code": "context_length_exceeded", "message": "long"}},
                ),
            ),
            "context_length",
        ),
        ((CREATED, event("response.failed", response={"error": None})), "unavailable"),
    ],
)
def test_ends(chunks: tuple[bytes, ...], kind: str | None) -> None:
    for pieces in cuts(b"".join(chunks), 7):
        failure = fed(*pieces).finish()
        assert (failure and failure.kind.value) == kind


def test_usage() -> None:
    follower = fed(BEGINNING, WORD, COMPLETED)
    assert follower.usage == UsageSeen(5, 2)
    assert follower.done
    assert follower.finished


def test_data_may_come_before_its_name() -> None:
    """As Bedrock's imitation sends it."""
    swapped = b'data: {"type": "response.completed", "response": {}}\nevent: response.completed\n\n'
    assert fed(BEGINNING, WORD, swapped).finish() is None


def test_words_about_errors_are_words() -> None:
    told = event("response.output_text.delta", delta='{"error": 1} "response.failed" [DONE]')
    follower = fed(BEGINNING, WORD, told)
    assert follower.failure is None
    assert not follower.done


def test_sound_ends_before_an_error() -> None:
    failed = event("response.failed", response={"error": {"message": "no"}})
    assert fed(BEGINNING).sound(WORD + failed) == len(WORD)
    assert fed(BEGINNING).sound(WORD) == len(WORD)
