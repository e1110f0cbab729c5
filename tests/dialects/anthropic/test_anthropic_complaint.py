"""Our errors have the form that Anthropic's SDKs raise as exceptions."""

import orjson
import pytest

from proxy.core.failure import FailureKind
from proxy.dialects.anthropic.complaint import error, error_event
from proxy.dialects.anthropic.dialect import Anthropic
from proxy.dialects.dialect import Complaint
from tests.dialects.anthropic.test_anthropic_stream import fed


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_error(status: int, kind: str) -> None:
    attempts = ({"target": "a", "kind": "rate_limit", "status": 429},)
    complaint = Complaint(status, "all failed", "fallback_exhausted", "rate_limit", attempts)
    body, content_type = error(complaint)
    assert content_type == "application/json"
    details = {
        "error_code": "rate_limit",
        "reason": "fallback_exhausted",
        "attempts": [dict(attempt) for attempt in attempts],
    }
    assert orjson.loads(body) == {
        "type": "error",
        "error": {"type": kind, "message": "all failed", "details": details},
        "request_id": None,
    }


def test_attempts_only_where_there_are_any() -> None:
    body, _ = error(Complaint(404, "no", "not_found", "x"))
    assert b"attempts" not in body


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (FailureKind.BROKEN_STREAM, "unavailable"),
        (FailureKind.UNAVAILABLE, "unavailable"),
        (FailureKind.BAD_REQUEST, "unavailable"),
    ],
)
def test_error_event(kind: FailureKind, seen: str) -> None:
    """The SDKs go by the event's name; another proxy would see a failure of the provider's."""
    told = error_event(kind, "cut\noff")
    assert told.startswith(b"event: error\ndata: {")
    assert told.endswith(b"}\n\n")
    failure = fed(told).failure
    assert failure is not None
    assert (failure.kind, failure.message) == (seen, "cut off")


def test_comments_are_passed_over() -> None:
    follower = fed(Anthropic().comment)
    assert (follower.useful, follower.failure) == (False, None)
