"""Our errors are exceptions in the official SDK, in an answer and in a stream."""

import openai
import orjson
import pytest

from proxy.core.failure import FailureKind
from proxy.dialects.dialect import Complaint
from proxy.dialects.openai.complaint import error, error_event
from tests.dialects.openai.sdk import client

WORD = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'


def test_error() -> None:
    attempts = ({"target": "a", "kind": "rate_limit", "status": 429},)
    body, content_type = error(
        Complaint(429, "all failed", "fallback_exhausted", "rate_limit", attempts)
    )
    with pytest.raises(openai.RateLimitError) as caught:
        client(body, content_type, 429).chat.completions.create(model="m", messages=[])
    assert caught.value.code == "rate_limit"
    assert caught.value.type == "fallback_exhausted"
    assert caught.value.body == orjson.loads(body)["error"]
    assert orjson.loads(body)["error"]["attempts"] == list(attempts)


def test_attempts_only_where_there_are_any() -> None:
    body, _ = error(Complaint(404, "no", "invalid_request_error", "x"))
    assert orjson.loads(body) == {
        "error": {"message": "no", "type": "invalid_request_error", "code": "x", "param": None}
    }


@pytest.mark.parametrize("before", [b"", WORD])
def test_error_event(before: bytes) -> None:
    body = before + error_event(FailureKind.BROKEN_STREAM, "cut\noff")
    sdk = client(body, "text/event-stream")
    with pytest.raises(openai.APIError, match="cut\noff") as caught:
        list(sdk.chat.completions.create(model="m", messages=[], stream=True))
    assert caught.value.code == "broken_stream"
