"""Google's errors, by hand: each line is one rule of the table, or a trap beside it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.failure import FailureKind
from proxy.dialects.gemini.errors import failure, failure_inside

NOTHING: CIMultiDict[str] = CIMultiDict()


def said(status: str, message: str = "", *details: dict[str, Any], code: int = 0) -> bytes:
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return orjson.dumps({"error": error})


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, said("INVALID_ARGUMENT", "no", reason("API_KEY_INVALID")), "auth"),
        (400, said("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "auth"),
        (400, said("INVALID_ARGUMENT", "API key expired. Please renew the API key."), "auth"),
        (400, said("FAILED_PRECONDITION", "User location is not supported for the API"), "auth"),
        (401, said("UNAUTHENTICATED", "no", reason("CREDENTIALS_MISSING")), "auth"),
        (403, said("PERMISSION_DENIED", "Method doesn't allow unregistered callers"), "auth"),
        (403, said("PERMISSION_DENIED", "no", reason("SERVICE_DISABLED")), "auth"),
        (403, said("PERMISSION_DENIED", "no", reason("BILLING_DISABLED")), "quota"),
        (400, said("FAILED_PRECONDITION", "Please enable billing on your project"), "quota"),
        (429, said("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), "quota"),
        (
            429,
            said("RESOURCE_EXHAUSTED", "exceeded your current quota, check billing"),
            "rate_limit",
        ),
        (429, said("RESOURCE_EXHAUSTED", "no", reason("RATE_LIMIT_EXCEEDED")), "rate_limit"),
        (429, b'{"error":{"message":"no","code":"too_many_requests"}}', "rate_limit"),
        (429, b"", "rate_limit"),
        (404, said("NOT_FOUND", "models/x is not found for API version v1beta, or"), "model"),
        (404, said("NOT_FOUND", "Publisher Model `projects/p/models/x` not found."), "model"),
        (404, said("NOT_FOUND", "Publisher Model `x` was not found or your project"), "model"),
        (404, said("NOT_FOUND", "Requested entity was not found."), "bad_request"),
        (404, b"", "bad_request"),
        (400, said("INVALID_ARGUMENT", "unexpected model name format"), "model"),
        (
            400,
            said("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of"),
            "context",
        ),
        (400, said("INVALID_ARGUMENT", "The input token count exceeds the maximum"), "context"),
        (400, said("INVALID_ARGUMENT", "Request payload size exceeds the limit: 20"), "context"),
        (400, said("INVALID_ARGUMENT", "violated Google's Responsible AI practices"), "content"),
        (400, said("INVALID_ARGUMENT", "Please use a valid role: user, model."), "bad_request"),
        (400, said("INVALID_ARGUMENT", "Penalty is not enabled for models/x"), "bad_request"),
        (500, said("INTERNAL", "An internal error has occurred."), "unavailable"),
        (503, said("UNAVAILABLE", "The model is overloaded."), "unavailable"),
        (504, said("DEADLINE_EXCEEDED"), "unavailable"),
        (401, b"[" + said("UNAUTHENTICATED") + b"]", "auth"),
        (502, b"<html><title>Error 502 (Server Error)!!1</title></html>", "unavailable"),
        # Anthropic's words on Vertex
        (400, b'{"type":"error","error":{"message":"prompt is too long: 9 > 8"}}', "context"),
        (529, b'{"type":"error","error":{"type":"overloaded_error"}}', "unavailable"),
    ],
)
def test_kinds(status: int, body: bytes, kind: str) -> None:
    found = failure(status, NOTHING, body, 0.0)
    assert found.kind.value.startswith(kind)
    assert found.status == status


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"error": {"code": 503, "status": "UNAVAILABLE"}}, "unavailable"),
        ({"error": {"status": "INVALID_ARGUMENT"}}, "bad_request"),
        ({"error": {"code": 400, "details": [reason("API_KEY_INVALID")]}}, "auth"),
        ({"error": {"code": 429}}, "rate_limit"),
        ({"error": {"status": "NOT_FOUND", "message": "models/x is not found for"}}, "model"),
        ({"error": "?"}, "unavailable"),
    ],
)
def test_kinds_where_the_status_says_nothing(document: dict[str, Any], kind: str) -> None:
    assert failure_inside(document, 200).kind.value.startswith(kind)


@pytest.mark.parametrize(
    ("details", "message", "headers", "wait_s"),
    [
        ([retry("22s")], "Please retry in 22.37s.", {}, 22.0),
        ([reason("X"), retry("22.37s")], "", {}, 22.37),
        ([retry("0s")], "", {}, 0.0),
        ([retry("22s")], "", {"retry-after": "9"}, 9.0),
        ([], "Please retry in 15.222153507s.", {}, 15.222153507),
        ([retry("soon")], "", {}, None),
        ([{"retryDelay": 7}], "", {}, None),
        ([], "", {}, None),
    ],
)
def test_the_wait(
    details: list[dict[str, Any]], message: str, headers: dict[str, str], wait_s: float | None
) -> None:
    body = said("RESOURCE_EXHAUSTED", message, *details)
    assert failure(429, CIMultiDict(headers), body, 0.0).retry_after_s == wait_s


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "code", "status", "details", "reason", "retryDelay"]
            )
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
