"""Good answers are told from bad ones, and those to keep from those for one caller only."""

import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.anthropic.answer import judge
from proxy.dialects.anthropic.keep import whole
from proxy.dialects.judging import MOST_PARSED_BYTES
from tests.dialects.anthropic.parts import HELLO, OVERLOADED, WHOLE, event, stop

JSON = CIMultiDict({"content-type": "application/json"})
CHAT = Operation.CHAT


def answer(reason: str | None = "end_turn", **fields: Any) -> bytes:
    said = [{"type": "text", "text": 'an "error" is a word'}]
    used = {"input_tokens": 3, "cache_creation": {"x": 1}, "output_tokens": 4}
    return orjson.dumps({"content": said, "stop_reason": reason, "usage": used, **fields})


def kind_of(operation: Operation, status: int, body: bytes) -> str | None:
    found = judge(operation, status, JSON, body, 0.0)
    return found.kind.value if isinstance(found, Failure) else None


@pytest.mark.parametrize(
    ("operation", "status", "body", "kind"),
    [
        (CHAT, 200, answer(), None),
        (CHAT, 200, answer("refusal", content=[]), None),
        (CHAT, 200, answer(error=None), None),
        (CHAT, 200, b'{"type":"error","error":{"type":"overloaded_error"}}', "unavailable"),
        (CHAT, 200, b"{}", "malformed"),
        (CHAT, 200, b"", "malformed"),
        (CHAT, 200, b"<html>", "malformed"),
        (CHAT, 200, answer()[:-1], "malformed"),
        (CHAT, 200, b"".join(WHOLE), None),
        (CHAT, 200, b"".join(HELLO), "broken_stream"),
        (CHAT, 301, b"", "malformed"),
        (Operation.COMPLETIONS, 200, b'{"completion":"","stop_reason":"stop_sequence"}', None),
        (Operation.COUNT_TOKENS, 200, b'{"input_tokens":0}', None),
        (Operation.COUNT_TOKENS, 200, b"{}", "malformed"),
        (Operation.OTHER, 200, b'{"error":{"type":"x"}}', None),
        (Operation.MODELS, 200, b"", None),
        (Operation.OTHER, 404, b'{"error":{"type":"not_found_error"}}', "bad_request"),
    ],
)
def test_judge(operation: Operation, status: int, body: bytes, kind: str | None) -> None:
    assert kind_of(operation, status, body) == kind


def test_usage() -> None:
    assert judge(CHAT, 200, JSON, answer(), 0.0) == UsageSeen(3, 4)
    assert judge(CHAT, 200, JSON, b"".join(WHOLE), 0.0) == UsageSeen(5, 2)


def test_large_answers_are_looked_at_from_both_ends() -> None:
    said = [{"type": "text", "text": "word " * (MOST_PARSED_BYTES // 4)}]
    body = answer(content=said)
    assert judge(CHAT, 200, JSON, body, 0.0) == UsageSeen(3, 4)
    assert kind_of(CHAT, 200, body[:-2]) == "malformed"
    packed = CIMultiDict({**JSON, "content-encoding": "gzip"})
    assert not isinstance(judge(CHAT, 200, packed, gzip.compress(body), 0.0), Failure)
    error = {"type": "overloaded_error", "message": "Overloaded"}
    told = orjson.dumps({"type": "error", "error": error, "echo": "x" * MOST_PARSED_BYTES})
    assert kind_of(CHAT, 200, told) == "unavailable"


@pytest.mark.parametrize(
    ("operation", "body", "streamed", "keep"),
    [
        (CHAT, answer(), False, True),
        (CHAT, answer("tool_use"), False, True),
        (CHAT, answer("stop_sequence"), False, True),
        *((CHAT, answer(reason), False, False) for reason in ("max_tokens", "refusal", None)),
        (CHAT, b"".join(WHOLE), True, True),
        (CHAT, b"".join(WHOLE[:-1]), True, False),
        (CHAT, b"".join((*WHOLE[:-2], stop("max_tokens"), WHOLE[-1])), True, False),
        (CHAT, b"".join((*HELLO, OVERLOADED, *WHOLE[-2:])), True, False),
        (CHAT, b"", True, False),
        (Operation.COMPLETIONS, b'{"completion":"a","stop_reason":"stop_sequence"}', False, True),
        (
            Operation.COMPLETIONS,
            event("completion", completion="a", stop_reason=None)
            + event("completion", completion="", stop_reason="stop_sequence"),
            True,
            True,
        ),
        (Operation.COUNT_TOKENS, b'{"input_tokens":1}', False, False),
        (CHAT, answer(content="x" * MOST_PARSED_BYTES), False, False),
    ],
)
def test_keep(operation: Operation, body: bytes, streamed: bool, keep: bool) -> None:
    assert whole(operation, JSON, body, streamed) is keep


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
