"""Our errors have the form that Google's SDKs raise as exceptions."""

import orjson
import pytest

from proxy.core.failure import FailureKind
from proxy.dialects.dialect import Complaint
from proxy.dialects.gemini.complaint import error, error_event
from proxy.dialects.gemini.dialect import Gemini
from tests.dialects.gemini.test_gemini_stream import fed


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (422, "FAILED_PRECONDITION"),
        (429, "RESOURCE_EXHAUSTED"),
        (502, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_error(status: int, word: str) -> None:
    attempts = ({"target": "a", "kind": "rate_limit", "status": 429},)
    complaint = Complaint(status, "all failed", "fallback_exhausted", "timeout.idle", attempts)
    body, content_type = error(complaint)
    assert content_type.startswith("application/json")
    told = orjson.loads(body)["error"]
    assert (told["code"], told["status"], told["message"]) == (status, word, "all failed")
    cause, tried = told["details"]
    assert (cause["reason"], cause["metadata"]) == ("TIMEOUT_IDLE", {"type": "fallback_exhausted"})
    assert tried["value"] == {"attempts": [dict(attempt) for attempt in attempts]}


def test_attempts_only_where_there_are_any() -> None:
    body, _ = error(Complaint(404, "no", "not_found", "x"))
    assert len(orjson.loads(body)["error"]["details"]) == 1


@pytest.mark.parametrize("kind", [FailureKind.BROKEN_STREAM, FailureKind.BAD_REQUEST])
def test_error_event(kind: FailureKind) -> None:
    """The SDKs raise where `error` has a status as its `code`; so does another proxy."""
    told = error_event(kind, "cut\noff")
    assert told.startswith(b'data: {"error":{"code":50')
    failure = fed(told).failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("unavailable", "cut off")


def test_there_are_no_comments() -> None:
    """python-genai takes any line that is no `data:` for JSON."""
    assert Gemini().comment == b""
