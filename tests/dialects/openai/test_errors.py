"""Errors of this family, by hand: each line is one rule of the table, or a trap beside it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.failure import FailureKind
from proxy.dialects.openai.errors import failure, failure_inside
from proxy.dialects.said import said

NOTHING: CIMultiDict[str] = CIMultiDict()


def said_with(**error: Any) -> bytes:
    return orjson.dumps({"error": error})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # code before type and status
        (401, said_with(type="invalid_request_error", code="invalid_api_key"), "auth"),
        (400, said_with(message="Incorrect API key provided: x"), "auth"),
        (400, b'{"code": "bad", "error": "Incorrect API key provided: in***ey"}', "auth"),
        (400, said_with(message="API key not valid. Please pass a valid API key."), "auth"),
        (403, said_with(message="Country not supported"), "auth"),
        (403, said_with(message="no access to the model `x`", code="model_not_found"), "model"),
        (403, said_with(message="Project `p` does not have access to model `m`"), "model"),
        (403, said_with(message="Your input was flagged"), "content_filter"),
        (429, said_with(code="insufficient_quota"), "quota"),
        (429, said_with(type="insufficient_quota", code=None), "quota"),
        (400, said_with(code="billing_hard_limit_reached"), "quota"),
        (400, said_with(message="Your credit balance is too low"), "quota"),
        (402, b"", "quota"),
        # a rate limit that talks of billing is one all the same
        (429, said_with(type="requests", message="please add a payment method"), "rate_limit"),
        (429, said_with(message="You exceeded your current quota, check billing"), "rate_limit"),
        (429, b"Too many requests.", "rate_limit"),
        (429, said_with(message="fine-tune ... maximum of 3 active requests"), "bad_request"),
        (429, said_with(message="The engine is currently overloaded"), "unavailable"),
        (429, said_with(code="1113", message="Insufficient balance"), "quota"),
        (403, b'{"error": "Your team has used all available credits"}', "quota"),
        (429, said_with(code="rate_limit_exceeded", message="Request too large for m"), "context"),
        (404, said_with(code="model_not_found"), "model"),
        (400, said_with(code="model_not_found"), "model"),
        (404, said_with(message="Model not found m"), "model"),
        (404, said_with(message="The model 'm' does not exist"), "model"),
        (404, said_with(code="DeploymentNotFound"), "model"),
        (404, said_with(message="Invalid URL (POST /v1/x)"), "bad_request"),
        (404, said_with(message="No thread found with id 't'"), "bad_request"),
        (404, said_with(code="404", message="Resource not found"), "bad_request"),
        (404, b"", "bad_request"),
        (400, said_with(message="x/y is not a valid model ID"), "model"),
        (400, b'{"errors": [{"code": "model_not_supported", "message": "no"}]}', "model"),
        (400, said_with(code="tool_use_failed", message="did not call a tool"), "malformed"),
        (
            429,
            said_with(code=429, metadata={"raw": '{"error": {"code": "insufficient_quota"}}'}),
            "quota",
        ),
        (400, said_with(code="context_length_exceeded"), "context"),
        (400, said_with(message="This model's maximum context length is 9 tokens"), "context"),
        (413, b"Failed to buffer the request body", "context"),
        (400, said_with(code="content_filter"), "content_filter"),
        (400, said_with(code=None, innererror={"code": "ResponsibleAIPolicyViolation"}), "content"),
        (400, said_with(message="'stop' is not supported with this model"), "bad_request"),
        (400, said_with(code="invalid_value"), "bad_request"),
        (409, b"", "bad_request"),
        (422, b'{"detail": [{"msg": "no"}]}', "bad_request"),
        (408, b"upstream request timeout", "unavailable"),
        (500, said_with(type="server_error"), "unavailable"),
        (503, b"upstream connect error or disconnect/reset before headers", "unavailable"),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "unavailable"),
        (529, said_with(type="overloaded_error"), "unavailable"),
        (401, said_with(type="api_error", message="Unauthorized"), "auth"),
    ],
)
def test_kinds(status: int, body: bytes, kind: str) -> None:
    found = failure(status, NOTHING, body, 0.0)
    assert found.kind.value.startswith(kind)
    assert found.status == status


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"error": {"message": "no", "status_code": 400}}, "bad_request"),
        ({"error": {"code": "429", "message": "slow"}}, "rate_limit"),
        ({"error": {"code": 502, "message": "Provider returned error"}}, "unavailable"),
        ({"error": {"type": "invalid_request_error"}}, "bad_request"),
        ({"error": {"type": "server_error"}}, "unavailable"),
        ({"error": {"type": "tokens"}}, "rate_limit"),
        ({"error": "overloaded"}, "unavailable"),
        ({"error": {"code": "content_filter", "status": 400}}, "content_filter"),
        ({"error": {"message": "maximum context length is 9 tokens"}}, "context_length"),
        ({"error": {"message": "The model `m` does not exist"}}, "model_not_found"),
        ({"error": {"message": "Request too large", "type": "tokens"}}, "context_length"),
        ({"error": {"code": "tool_use_failed"}}, "malformed"),
    ],
)
def test_kinds_where_the_status_says_nothing(document: dict[str, Any], kind: str) -> None:
    assert failure_inside(document, 200).kind == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (said_with(message="plain"), "plain"),
        (b'{"error": "text"}', "text"),
        (b'{"detail": "text"}', "text"),
        (b'[{"error": {"message": "first"}}]', "first"),
        (b'{"error": {"metadata": {"raw": "from below"}}}', "from below"),
        (b"<html><title>401\nRequired</title><p>x", "401 Required"),
        (b"<p>no <b>title</b>", "no title"),
        (b"\xff\xfe text", "\ufffd\ufffd text"),
        (b"", "it answered with status 500 and said nothing"),
        (b"{}", "it answered with status 500 and said nothing"),
        (said_with(message="Incorrect API key provided: sk-abc***d."), "*** was taken out"),
    ],
)
def test_messages(body: bytes, message: str) -> None:
    found = failure(500, NOTHING, body, 0.0).message
    if "taken out" in message:
        assert found == "Incorrect API key provided: ***."
    else:
        assert found == message


def test_the_wait_comes_from_headers_or_words() -> None:
    body = said_with(message="Please try again in 2.5s", code="rate_limit_exceeded")
    assert failure(429, NOTHING, body, 0.0).retry_after_s == 2.5
    assert failure(429, CIMultiDict({"retry-after": "9"}), body, 0.0).retry_after_s == 9.0


def test_a_model_that_did_not_obey_is_held_against_nobody() -> None:
    assert failure(400, NOTHING, said_with(code="tool_use_failed"), 0.0).blameless
    assert not failure(500, NOTHING, b"", 0.0).blameless
    assert failure_inside({"error": {"code": "json_validate_failed"}}, 200).blameless


def test_the_provider_says_whether_to_retry() -> None:
    told = [
        failure(500, CIMultiDict({"x-should-retry": word}), b"", 0.0).should_retry
        for word in ("true", "false", "maybe")
    ]
    assert told == [True, False, None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "status", "innererror", "detail"])
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
    assert said(body).status is None or 400 <= (said(body).status or 0) < 600
