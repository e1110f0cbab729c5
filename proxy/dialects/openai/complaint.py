"""Errors told to the app in the form that OpenAI's SDKs raise as exceptions."""

from typing import Any

import orjson

from proxy.core.failure import FailureKind
from proxy.dialects.dialect import Complaint


def error(complaint: Complaint) -> tuple[bytes, str]:
    """The body and content type of an error answer; `attempts` only where there are any."""
    told: dict[str, Any] = {
        "message": complaint.message,
        "type": complaint.type,
        "code": complaint.code,
        "param": None,
    }
    if complaint.attempts:
        told["attempts"] = [dict(attempt) for attempt in complaint.attempts]
    return orjson.dumps({"error": told}), "application/json"


def error_event(kind: FailureKind, message: str) -> bytes:
    """The event that ends a stream. The SDKs raise APIError on any event whose data has `error`
    (openai-python `_streaming.py`), the first as well as the hundredth."""
    told = {"message": message, "type": "server_error", "code": kind.value, "param": None}
    return b"data: " + orjson.dumps({"error": told}) + b"\n\n"


def error_in_stream(error: bytes) -> bytes:
    """The body of an error answer as such an event."""
    return b"data: " + error + b"\n\n"
