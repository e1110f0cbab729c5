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
from proxy.dialects.openai.answer import MOST_NUMBERS_BYTES, judge

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
        (Operation.CHAT, 200, b'{"error": {"code": 1}, "choices": []}', None),
        (Operation.CHAT, 200, b'{"error": {"message": "x", "status": 400}}', "bad_request"),
        (Operation.CHAT, 200, b'{"error": {"code": "content_filter"}}', "content_filter"),
        (Operation.CHAT, 200, b'{"error": {"message": "x"}}', "unavailable"),
        (Operation.CHAT, 200, b"", "malformed"),
        (Operation.CHAT, 200, GOOD_CHAT[:-1], "malformed"),
        (Operation.CHAT, 200, b"[]", "malformed"),
        (Operation.CHAT, 200, b"<html>", "malformed"),
        (Operation.CHAT, 200, b"{}", "malformed"),
        (Operation.CHAT, 200, b'{"choices": null}', "malformed"),
        (Operation.CHAT, 200, GOOD_VECTORS, "malformed"),
        (Operation.CHAT, 200, b'data: {"choices":[]}\n\ndata: [DONE]\n\n', None),
        (Operation.CHAT, 200, b'data: {"choices":[]}\n\n', "broken_stream"),
        (Operation.COMPLETIONS, 200, GOOD_CHAT, None),
        (Operation.EMBEDDINGS, 200, GOOD_VECTORS, None),
        (Operation.EMBEDDINGS, 200, GOOD_CHAT, "malformed"),
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
    headers = CIMultiDict({"content-encoding": "br"})
    assert kind_of(Operation.CHAT, 200, b"\x0b\x02", headers) is None
    assert kind_of(Operation.CHAT, 429, b"\x0b\x02", headers) == "rate_limit"


def test_broken_codings_are_malformed_or_judged_by_status() -> None:
    headers = CIMultiDict({"content-encoding": "gzip"})
    assert kind_of(Operation.CHAT, 200, gzip.compress(GOOD_CHAT)[:-4], headers) == "malformed"
    assert kind_of(Operation.CHAT, 503, b"no gzip", headers) == "unavailable"


def test_large_embeddings_are_looked_at_from_both_ends() -> None:
    numbers = [0.123456789] * (MOST_NUMBERS_BYTES // 8)
    used = {"prompt_tokens": 11, "total_tokens": 11}
    body = orjson.dumps({"data": [{"embedding": numbers}], "usage": used})
    assert len(body) > MOST_NUMBERS_BYTES
    assert kind_of(Operation.EMBEDDINGS, 200, body) is None
    assert judge(Operation.EMBEDDINGS, 200, JSON, body, 0.0) == UsageSeen(11, None)
    assert kind_of(Operation.EMBEDDINGS, 200, body[:-300]) == "malformed"


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
