"""Errors told to the app in the forms that Cohere's SDKs know."""

from typing import Any

import orjson

from proxy.core.failure import FailureKind
from proxy.dialects.dialect import Complaint


def error(complaint: Complaint) -> tuple[bytes, str]:
    """The body and content type of an error answer; the SDKs raise by its status."""
    told: dict[str, Any] = {
        "message": complaint.message,
        "type": complaint.type,
        "code": complaint.code,
    }
    if complaint.attempts:
        told["attempts"] = [dict(attempt) for attempt in complaint.attempts]
    return orjson.dumps(told), "application/json"


def error_event(kind: FailureKind, message: str) -> bytes:
    """The event that ends a stream of v2, as Cohere tells its own errors. Of v1 it is no JSON, at
    which its clients fail."""
    delta = {"finish_reason": "ERROR", "error": f"{message} ({kind.value})"}
    told = orjson.dumps({"type": "message-end", "delta": delta})
    return b"event: message-end\ndata: " + told + b"\n\n"
