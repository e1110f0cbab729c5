"""Good answers are told from bad ones, and those to keep from those for one caller only."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.gemini.answer import judge
from proxy.dialects.gemini.keep import MOST_STREAMED_BYTES, whole
from proxy.dialects.judging import MOST_PARSED_BYTES
from tests.dialects.gemini.parts import (
    JSON,
    OVERLOADED,
    SSE,
    USED,
    WHOLE,
    answer,
    candidate,
    listed,
    sent,
    text,
)

HEADERS = CIMultiDict(JSON)
CHAT, VECTORS = Operation.CHAT, Operation.EMBEDDINGS
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USED}


def kind_of(operation: Operation, status: int, body: Any) -> str | None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    found = judge(operation, status, HEADERS, content, 0.0)
    return found.kind.value if isinstance(found, Failure) else None


@pytest.mark.parametrize(
    ("operation", "status", "body", "kind"),
    [
        (CHAT, 200, text('an "error" is a word', "STOP"), None),
        (CHAT, 200, text("", "SAFETY", error=None), None),
        (CHAT, 200, {"usageMetadata": USED}, None),
        (CHAT, 200, BLOCKED, None),
        (CHAT, 200, OVERLOADED, "unavailable"),
        (CHAT, 200, {}, "malformed"),
        (CHAT, 200, b"", "malformed"),
        (CHAT, 200, b"<html>", "malformed"),
        (CHAT, 200, sent(*WHOLE), None),
        (CHAT, 200, sent(WHOLE[0]), "broken_stream"),
        (CHAT, 302, b"", "malformed"),
        (VECTORS, 200, {"embedding": {"values": [0.1]}}, None),
        (VECTORS, 200, {"embeddings": [{"values": [0.1]}]}, None),
        (VECTORS, 200, {"predictions": []}, None),
        (VECTORS, 200, text("a"), "malformed"),
        (Operation.COUNT_TOKENS, 200, {"totalTokens": 0}, None),
        (Operation.COUNT_TOKENS, 200, {}, "malformed"),
        (Operation.OTHER, 200, OVERLOADED, None),
        (Operation.OTHER, 302, b"", None),
        (Operation.OTHER, 503, OVERLOADED, "unavailable"),
    ],
)
def test_judge(operation: Operation, status: int, body: Any, kind: str | None) -> None:
    assert kind_of(operation, status, body) == kind


def test_usage() -> None:
    body = orjson.dumps(text("a", "STOP", usageMetadata={**USED, "toolUsePromptTokenCount": 3}))
    assert judge(CHAT, 200, HEADERS, body, 0.0) == UsageSeen(8, 9)
    assert judge(CHAT, 200, CIMultiDict(SSE), sent(*WHOLE), 0.0) == UsageSeen(5, 9)


def test_large_answers_are_looked_at_from_both_ends() -> None:
    words = "word " * (MOST_PARSED_BYTES // 4)
    body = orjson.dumps(text(words, "STOP", usageMetadata={**USED, "promptTokensDetails": [{}]}))
    assert judge(CHAT, 200, HEADERS, body, 0.0) == UsageSeen(5, 9)
    assert kind_of(CHAT, 200, body[:-4]) == "malformed"
    assert kind_of(CHAT, 200, {**OVERLOADED, "echo": words}) == "unavailable"
    numbers = [0.123456789] * (MOST_PARSED_BYTES // 8)
    assert kind_of(VECTORS, 200, {"embeddings": [{"values": numbers}]}) is None
    assert whole(VECTORS, HEADERS, orjson.dumps({"embeddings": [{"values": numbers}]}), False)


@pytest.mark.parametrize(
    ("operation", "body", "streamed", "keep"),
    [
        (CHAT, orjson.dumps(text("a", "STOP")), False, True),
        (CHAT, orjson.dumps(text("a", "MAX_TOKENS")), False, False),
        (CHAT, orjson.dumps(text("a")), False, False),
        (CHAT, orjson.dumps(BLOCKED), False, False),
        (CHAT, orjson.dumps(text("a", "STOP", error={"code": 1})), False, False),
        (
            CHAT,
            orjson.dumps(answer(candidate(finish="STOP"), {"finishReason": "OTHER"})),
            False,
            False,
        ),
        (CHAT, orjson.dumps(text("a" * MOST_PARSED_BYTES, "STOP")), False, False),
        (CHAT, b"", False, False),
        *((CHAT, form(*WHOLE), True, True) for form in (sent, listed)),
        *((CHAT, form(*WHOLE[:-1]), True, False) for form in (sent, listed)),
        *((CHAT, form(*WHOLE, OVERLOADED), True, False) for form in (sent, listed)),
        (CHAT, listed(*WHOLE)[:-3], True, False),
        (CHAT, sent(*WHOLE) + b":" * MOST_STREAMED_BYTES, True, False),
        (VECTORS, b'{"embeddings":[{"values":[1]}]}', False, True),
        (VECTORS, b'{"embeddings":[]}', False, False),
        (Operation.COUNT_TOKENS, b'{"totalTokens":1}', False, False),
    ],
)
def test_keep(operation: Operation, body: bytes, streamed: bool, keep: bool) -> None:
    assert whole(operation, HEADERS, body, streamed) is keep


@given(
    st.sampled_from(list(Operation)),
    st.integers(200, 599),
    st.binary(max_size=60),
    st.sampled_from(["gzip", "deflate", "br", "identity"]),
)
def test_garbage(operation: Operation, status: int, body: bytes, coding: str) -> None:
    headers = CIMultiDict({"content-encoding": coding})
    found = judge(operation, status, headers, body, 0.0)
    assert not isinstance(found, Failure) or found.status == status
    assert found is not None or status < 400
    assert isinstance(whole(operation, headers, body, True), bool)
