"""Anthropic's errors, by hand: each line is one rule of the table, or a trap beside it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.failure import Failure, FailureKind
from proxy.dialects.anthropic.errors import failure, failure_inside

NOTHING: CIMultiDict[str] = CIMultiDict()
LIMITED = {"anthropic-ratelimit-tokens-limit": "9", "anthropic-ratelimit-tokens-remaining": "9"}
SPENT = {**LIMITED, "anthropic-ratelimit-tokens-remaining": "0"}
NEVER = {"x-should-retry": "false"}


def said(kind: str, message: str = "", **details: Any) -> bytes:
    error = {"type": kind, "message": message}
    return orjson.dumps(
        {"type": "error", "error": error | ({"details": details} if details else {})}
    )


def failed(status: int, body: bytes, **headers: str) -> Failure:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure(status, CIMultiDict(named), body, 0.0)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, said("authentication_error", "invalid x-api-key"), "auth"),
        (403, said("permission_error", "Your API key may not use this resource"), "auth"),
        (400, said("invalid_request_error", "This organization has been disabled."), "auth"),
        (402, said("billing_error"), "quota"),
        (400, said("invalid_request_error", "Your credit balance is too low to access"), "quota"),
        (429, said("rate_limit_error", "no", error_code="enforced_spend_limit_reached"), "quota"),
        (
            400,
            said("invalid_request_error", "You have reached your specified API usage limits"),
            "quota",
        ),
        (404, said("not_found_error", "model: claude-x"), "model_not_found"),
        (404, said("not_found_error", "File not found"), "bad_request"),
        (400, said("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), "context"),
        (400, said("invalid_request_error", "too many total text bytes: 9 > 8"), "context"),
        (
            400,
            said("invalid_request_error", "input length and `max_tokens` exceed context limit"),
            "context",
        ),
        (413, said("request_too_large", "Request exceeds the maximum size"), "context"),
        (
            400,
            said("invalid_request_error", "Output blocked by content filtering policy"),
            "content",
        ),
        (
            400,
            said("invalid_request_error", "This model does not support assistant prefill"),
            "bad_r",
        ),
        (400, said("invalid_request_error", "messages.0: Input should be valid"), "bad_request"),
        (429, said("rate_limit_error", "This request would exceed your rate limit"), "rate_limit"),
        (429, said("rate_limit_error", "no", error_code="ramp_limit_exceeded"), "rate_limit"),
        (500, said("api_error", "Internal server error"), "unavailable"),
        (504, said("timeout_error"), "unavailable"),
        (529, said("overloaded_error", "Overloaded"), "unavailable"),
        (503, b"upstream connect error or disconnect/reset before headers", "unavailable"),
        (502, b"<html><title>502 Bad Gateway</title></html>", "unavailable"),
        # Google's gateway on Vertex
        (429, b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}', "rate_limit"),
        (404, b'{"error":{"message":"Publisher Model `x/claude` was not found"}}', "model"),
    ],
)
def test_kinds(status: int, body: bytes, kind: str) -> None:
    found = failed(status, body)
    assert found.kind.value.startswith(kind)
    assert found.status == status


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({**LIMITED, **NEVER}, "context_length"),
        (NEVER, "context_length"),
        ({**SPENT, **NEVER}, "rate_limit"),
        ({**LIMITED, **NEVER, "retry-after": "7"}, "rate_limit"),
        ({**LIMITED, "x-should-retry": "true"}, "rate_limit"),
        (LIMITED, "rate_limit"),
    ],
)
def test_a_request_above_the_whole_limit_is_too_long(headers: dict[str, str], kind: str) -> None:
    """No wait helps: not to be tried again, no wait named, and nothing of any limit used up."""
    body = said("rate_limit_error", "This request would exceed your rate limit")
    assert failure(429, CIMultiDict(headers), body, 0.0).kind == kind


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"error": {"type": "overloaded_error"}}, "unavailable"),
        ({"error": {"type": "rate_limit_error"}}, "rate_limit"),
        ({"error": {"type": "api_error"}}, "unavailable"),
        ({"error": {"type": "invalid_request_error"}}, "bad_request"),
        ({"error": {"type": "invalid_request_error", "message": "prompt is too long"}}, "context"),
        ({"error": {"type": "permission_error"}}, "auth"),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, "rate_limit"),
        ({"message": "?"}, "unavailable"),
    ],
)
def test_kinds_where_the_status_says_nothing(document: dict[str, Any], kind: str) -> None:
    assert failure_inside(document, 200).kind.value.startswith(kind)


@pytest.mark.parametrize(
    ("headers", "wait_s", "should_retry"),
    [
        ({"retry_after": "47", "x_should_retry": "true"}, 47.0, True),
        ({"x_should_retry": "False"}, None, False),
        ({"x_should_retry": "perhaps"}, None, None),
        ({}, None, None),
    ],
)
def test_the_providers_word_on_a_later_try(
    headers: dict[str, str], wait_s: float | None, should_retry: bool | None
) -> None:
    found = failed(529, said("overloaded_error"), **headers)
    assert (found.retry_after_s, found.should_retry) == (wait_s, should_retry)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "type", "details", "error_code"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.integers(400, 599), st.binary(max_size=80) | JSON.map(orjson.dumps))
def test_garbage_is_a_failure_of_some_kind(status: int, body: bytes) -> None:
    found = failure(status, NOTHING, body, 0.0)
    assert isinstance(found.kind, FailureKind)
    assert found.message
