"""Cohere's paths, errors and whole answers."""

import gzip
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, Unfit
from proxy.dialects.cohere.dialect import Cohere
from proxy.dialects.dialect import Asked, Complaint
from proxy.dialects.judging import MOST_PARSED_BYTES

DIALECT = Cohere()
JSON = CIMultiDict({"content-type": "application/json"})


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v2/chat", Operation.CHAT),
        ("POST", "/v1/chat?x=1", Operation.CHAT),
        ("POST", "/v1/generate", Operation.COMPLETIONS),
        ("POST", "/v2/embed", Operation.EMBEDDINGS),
        ("POST", "/v1/rerank", Operation.RERANK),
        ("GET", "/v1/models", Operation.MODELS),
        ("GET", "/v1/models/command-r", Operation.MODELS),
        ("POST", "/v1/embed-jobs", Operation.OTHER),
        ("POST", "/v1/embed-jobs/x/cancel", Operation.OTHER),
        ("POST", "/v1/datasets", Operation.OTHER),
        ("GET", "/v2/chat", Operation.OTHER),
        ("POST", "/compatibility/v1/chat/completions", Operation.OTHER),
        ("POST", "", Operation.OTHER),
    ],
)
def test_recognise(method: str, path: str, operation: Operation) -> None:
    assert DIALECT.recognise(method, path) is operation


def test_requests_are_read_and_rewritten() -> None:
    body = b'{"model": "command-r", "stream": true, "messages": []}'
    assert DIALECT.read(Operation.CHAT, "/v2/chat", body) == Asked("command-r", stream=True)
    changed = DIALECT.rewrite(body, "other", {"temperature": 0})
    assert orjson.loads(changed)["model"] == "other"
    assert orjson.loads(changed)["temperature"] == 0
    assert DIALECT.readdress("/v2/chat", "other") == "/v2/chat"
    assert DIALECT.sign("k") == (("Authorization", "Bearer k"),)
    with pytest.raises(Unfit, match="cohere"):
        DIALECT.texts(body)


def judged(operation: Operation, status: int, document: Any) -> Failure | UsageSeen | None:
    return DIALECT.judge(operation, status, JSON, orjson.dumps(document), 0.0)


def kind_of(operation: Operation, status: int, document: Any) -> str | None:
    found = judged(operation, status, document)
    return found.kind.value if isinstance(found, Failure) else None


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: message must be at least 1 token long", "bad_request"),
        (400, "too many tokens: size limit exceeded by 25836 tokens", "context_length"),
        (401, "invalid api token", "auth"),
        (400, "invalid api token", "auth"),
        (403, "not allowed", "auth"),
        (404, "model 'command-r' was removed on September 15, 2025.", "model_not_found"),
        (404, "model 'x' not found, make sure the correct model ID was used", "model_not_found"),
        (404, "resource not found: dataset", "bad_request"),
        (422, "no", "bad_request"),
        (429, "You are using a Trial key, limited to 10 API calls / minute.", "rate_limit"),
        (498, "blocked", "bad_request"),
        (500, "oops", "unavailable"),
        (503, "busy", "unavailable"),
    ],
)
def test_kinds(status: int, message: str, kind: str) -> None:
    assert kind_of(Operation.CHAT, status, {"id": "x", "message": message}) == kind


def test_codes() -> None:
    error = {"error_type": "TOO_MANY_TOKENS", "message": "no"}
    assert kind_of(Operation.CHAT, 400, error) == "context_length"


V2 = {"message": {"role": "assistant", "content": []}, "finish_reason": "COMPLETE"}
USED = {"billed_units": {"input_tokens": 5.0}, "tokens": {"input_tokens": 7, "output_tokens": 2}}


@pytest.mark.parametrize(
    ("operation", "document", "kind"),
    [
        (Operation.CHAT, V2, None),
        (Operation.CHAT, {"text": "word", "finish_reason": "COMPLETE"}, None),
        (Operation.CHAT, {"text": ""}, None),
        (Operation.CHAT, {**V2, "finish_reason": "MAX_TOKENS"}, None),
        (Operation.CHAT, {**V2, "finish_reason": "ERROR"}, "unavailable"),
        (Operation.CHAT, {**V2, "finish_reason": "ERROR_TOXIC"}, "content_filter"),
        (Operation.CHAT, {**V2, "finish_reason": ["ERROR"]}, None),
        (Operation.CHAT, {"message": "invalid api token"}, "auth"),
        (Operation.CHAT, {}, "malformed"),
        (Operation.EMBEDDINGS, {"embeddings": {"float": []}}, None),
        (Operation.EMBEDDINGS, {"message": "internal"}, "malformed"),
        (Operation.EMBEDDINGS, V2, "malformed"),
        (Operation.RERANK, {"results": []}, None),
        (Operation.COMPLETIONS, {"generations": []}, None),
        (Operation.MODELS, {}, None),
    ],
)
def test_good_answers(operation: Operation, document: dict[str, Any], kind: str | None) -> None:
    assert kind_of(operation, 200, document) == kind


def test_usage() -> None:
    assert judged(Operation.CHAT, 200, {**V2, "usage": USED}) == UsageSeen(7, 2)
    billed = {"billed_units": {"input_tokens": 5.0}}
    assert judged(Operation.EMBEDDINGS, 200, {"embeddings": [], "meta": billed}) == UsageSeen(
        5, None
    )


def test_large_answers() -> None:
    vectors = {"embeddings": {"float": [[0.5] * MOST_PARSED_BYTES]}, "meta": USED}
    assert judged(Operation.EMBEDDINGS, 200, vectors) == UsageSeen(7, 2)
    assert kind_of(Operation.RERANK, 200, vectors) == "malformed"
    packed = gzip.compress(orjson.dumps(vectors))  # of which only the beginning is opened
    gzipped = CIMultiDict({"content-encoding": "gzip"})
    assert DIALECT.judge(Operation.EMBEDDINGS, 200, gzipped, packed, 0.0) is None


def test_what_is_kept() -> None:
    assert DIALECT.whole(Operation.CHAT, JSON, orjson.dumps(V2), False)
    cut = orjson.dumps({**V2, "finish_reason": "MAX_TOKENS"})
    assert not DIALECT.whole(Operation.CHAT, JSON, cut, False)
    assert DIALECT.whole(Operation.EMBEDDINGS, JSON, b'{"embeddings": [[1]]}', False)
    assert not DIALECT.whole(Operation.EMBEDDINGS, JSON, b"[]", False)


def test_errors_are_told_as_cohere_tells_them() -> None:
    complaint = Complaint(429, "slow", "fallback_exhausted", "rate_limit", ({"target": "a"},))
    body, content_type = DIALECT.error(complaint)
    assert content_type == "application/json"
    assert orjson.loads(body) == {
        "message": "slow",
        "type": "fallback_exhausted",
        "code": "rate_limit",
        "attempts": [{"target": "a"}],
    }


@given(st.sampled_from(list(Operation)), st.integers(200, 599), st.binary(max_size=60))
def test_garbage(operation: Operation, status: int, body: bytes) -> None:
    found = DIALECT.judge(operation, status, JSON, body, 0.0)
    assert not isinstance(found, Failure) or found.status == status
    assert status < 400 or isinstance(found, Failure)
