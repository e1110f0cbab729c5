"""Whole answers are judged, and their usage is read, also when they are compressed or large."""

import gzip

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.judging import MOST_PARSED_BYTES
from proxy.dialects.openai.answer import judge

JSON = CIMultiDict({"content-type": "application/json"})
GOOD_CHAT = (
    b'{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
)
GOOD_VECTORS = b'{"data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":3,"total_tokens":3}}'


def kind_of(
    operation: Operation, status: int, body: bytes, headers: CIMultiDict[str] = JSON
) -> str | None:
    found = judge(operation, status, headers, body, 0.0)
    return found.kind.value if isinstance(found, Failure) else None


@pytest.mark.parametrize(
    ("operation", "status", "body", "kind"),
    [
        (Operation.CHAT, 200, GOOD_CHAT, None),
        (Operation.CHAT, 200, b'{"error": null, "choices": []}', None),
        (Operation.CHAT, 200, b'{"error": {"code": 1}, "choices": []}', "unavailable"),
        (Operation.CHAT, 200, b'{"error": {"message": "x", "status": 400}}', "bad_request"),
        (Operation.CHAT, 200, b'{"error": {"code": "content_filter"}}', "content_filter"),
        (Operation.CHAT, 200, b'{"error": {"message": "x"}}', "unavailable"),
        (Operation.CHAT, 200, b"", "malformed"),
        (Operation.CHAT, 200, GOOD_CHAT[:-1], "malformed"),
        (Operation.CHAT, 200, b"[]", "malformed"),
        (Operation.CHAT, 200, b"<html>", "malformed"),
        (Operation.CHAT, 200, b"{}", "malformed"),
        (
            Operation.CHAT,
            200,
            b'{"choices": [{"finish_reason": "error", "error": {"code": 429, "message": "m"}}]}',
            "rate_limit",
        ),
        (Operation.CHAT, 200, b'{"choices": null}', "malformed"),
        (Operation.CHAT, 200, GOOD_VECTORS, "malformed"),
        (Operation.CHAT, 200, b'data: {"choices":[]}\n\ndata: [DONE]\n\n', None),
        (Operation.CHAT, 200, b'data: {"choices":[]}\n\n', "broken_stream"),
        (Operation.COMPLETIONS, 200, GOOD_CHAT, None),
        (Operation.EMBEDDINGS, 200, GOOD_VECTORS, None),
        (Operation.EMBEDDINGS, 200, GOOD_CHAT, "malformed"),
        (Operation.RESPONSES, 200, b'{"output": [], "error": null}', None),
        (Operation.RESPONSES, 200, b'{"output": [], "status": "failed"}', "unavailable"),
        (
            Operation.RESPONSES,
            200,
            b'{"output": [], "error": {"code": "rate_limit_exceeded"}}',
            "rate_limit",
        ),
        (Operation.MODERATIONS, 200, b'{"results": []}', None),
        (Operation.MODERATIONS, 200, b"{}", "malformed"),
        (Operation.RERANK, 200, b'{"results": []}', None),
        (Operation.RERANK, 200, b'{"data": []}', None),
        (Operation.RERANK, 200, b'[{"index": 0, "score": 0.9}]', None),
        (Operation.EMBEDDINGS, 200, b'{"embedding": [0.5]}', None),
        (Operation.EMBEDDINGS, 200, b'{"data": [], "error": {"message": "x"}}', "unavailable"),
        (Operation.CHAT, 200, b'{"request_id": "f15c114e"}', None),
        (Operation.CHAT, 200, b'{"request_id": "f15c114e", "message": "x"}', "malformed"),
        (Operation.MODELS, 200, b"", None),
        (Operation.OTHER, 200, b'{"error": {"message": "x"}}', None),
        (Operation.OTHER, 204, b"", None),
        (Operation.CHAT, 304, b"", None),
        (Operation.CHAT, 301, b"<html>", "malformed"),
        (Operation.MODELS, 307, b"", None),
        (Operation.OTHER, 500, b"", "unavailable"),
        (Operation.CHAT, 404, b'{"error": {"code": "model_not_found"}}', "model_not_found"),
    ],
)
def test_judge(operation: Operation, status: int, body: bytes, kind: str | None) -> None:
    assert kind_of(operation, status, body) == kind
    packed = CIMultiDict({**JSON, "content-encoding": "gzip"})
    if body:
        assert kind_of(operation, status, gzip.compress(body), packed) == kind


def test_shut_codings_are_judged_by_status() -> None:
    headers = CIMultiDict({"content-encoding": "compress"})
    assert kind_of(Operation.CHAT, 200, b"\x0b\x02", headers) is None
    assert kind_of(Operation.CHAT, 429, b"\x0b\x02", headers) == "rate_limit"


def test_broken_codings_are_malformed_or_judged_by_status() -> None:
    headers = CIMultiDict({"content-encoding": "gzip"})
    assert kind_of(Operation.CHAT, 200, gzip.compress(GOOD_CHAT)[:-4], headers) == "malformed"
    assert kind_of(Operation.CHAT, 503, b"no gzip", headers) == "unavailable"


USED = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 0},
}


@pytest.mark.parametrize(
    ("operation", "content"),
    [
        (Operation.EMBEDDINGS, {"data": [{"embedding": [0.123456789] * (MOST_PARSED_BYTES // 8)}]}),
        (Operation.CHAT, {"choices": [{"message": {"content": "word " * MOST_PARSED_BYTES}}]}),
        (Operation.RESPONSES, {"output": [{"text": "word " * MOST_PARSED_BYTES}]}),
    ],
)
def test_large_answers_are_looked_at_from_both_ends(
    operation: Operation, content: dict[str, object]
) -> None:
    body = orjson.dumps({"id": "x", **content, "usage": USED})
    assert len(body) > MOST_PARSED_BYTES
    assert judge(operation, 200, JSON, body, 0.0) == UsageSeen(11, 7)
    assert kind_of(operation, 200, body[:-300]) == "malformed"
    assert kind_of(operation, 200, body.replace(b'"usage"', b'"user"')) is None
    other = Operation.CHAT if operation is not Operation.CHAT else Operation.EMBEDDINGS
    assert kind_of(other, 200, body) == "malformed"
    packed = CIMultiDict({**JSON, "content-encoding": "gzip"})
    assert kind_of(operation, 200, gzip.compress(body), packed) is None


def test_a_large_error_in_a_good_answer() -> None:
    error = {"message": "maximum context length is 5 tokens", "code": None}
    body = orjson.dumps({"error": error, "input": "choices " * MOST_PARSED_BYTES})
    assert kind_of(Operation.CHAT, 200, body) == "context_length"


def test_words_of_a_large_answer_are_not_its_keys() -> None:
    told = '{"choices": [], "error": 1}'
    body = orjson.dumps({"x": told * MOST_PARSED_BYTES})
    assert kind_of(Operation.CHAT, 200, body) == "malformed"


def test_a_large_stream_is_looked_at_from_both_ends() -> None:
    word = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
    stop = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    body = word * (MOST_PARSED_BYTES // 20)
    assert kind_of(Operation.CHAT, 200, body + stop) is None
    assert kind_of(Operation.CHAT, 200, body) == "broken_stream"


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (GOOD_CHAT, UsageSeen(3, 4)),
        (GOOD_VECTORS, UsageSeen(3, None)),
        (b'{"data": [], "usage": null}', None),
        (b'{"data": [], "usage": {"prompt_tokens": "3"}}', None),
    ],
)
def test_the_usage_of_a_good_answer(body: bytes, seen: UsageSeen | None) -> None:
    operation = Operation.CHAT if b"choices" in body else Operation.EMBEDDINGS
    assert judge(operation, 200, JSON, body, 0.0) == seen
    assert judge(Operation.OTHER, 200, JSON, body, 0.0) is None


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


def test_a_long_stream_may_end_with_a_long_event() -> None:
    """Responses repeats all of the answer, pictures too, in its last one."""
    words = b'data: {"type":"response.output_text.delta","delta":"x"}\r\n\r\n' * 9
    last = {"output": [{"result": "A" * 700_000}], "usage": {"input_tokens": 1, "output_tokens": 2}}
    end = orjson.dumps({"type": "response.completed", "response": last})
    body = words + b"event: response.completed\r\ndata: " + end + b"\r\n\r\n"
    assert judge(Operation.RESPONSES, 200, CIMultiDict(), body, 0.0) == UsageSeen(1, 2)
