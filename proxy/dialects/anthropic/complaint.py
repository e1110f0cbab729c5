"""What we tell the app of our own: errors as Anthropic's SDKs raise them, and comments."""

from typing import Any

import orjson

from proxy.core.failure import TRAITS, FailureKind
from proxy.dialects.dialect import Complaint

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error(complaint: Complaint) -> tuple[bytes, str]:
    """The body and content type of an error answer. The SDKs choose the exception by its status and
    give `details.error_code` as `error_code` (anthropic-python `_exceptions.py`)."""
    details: dict[str, Any] = {"error_code": complaint.code, "reason": complaint.type}
    if complaint.attempts:
        details["attempts"] = [dict(attempt) for attempt in complaint.attempts]
    return _told(complaint.status, complaint.message, details), "application/json"


def error_event(kind: FailureKind, message: str) -> bytes:
    """The event that ends a stream. The SDKs raise on its name (anthropic-python `_streaming.py`).
    An error that came after a good beginning is never the app's own."""
    status = max(500, TRAITS[kind].status)
    return b"event: error\ndata: " + _told(status, message, {"error_code": kind.value}) + b"\n\n"


def error_in_stream(error: bytes) -> bytes:
    """The body of an error answer as such an event."""
    return b"event: error\ndata: " + error + b"\n\n"


def _told(status: int, message: str, details: dict[str, Any]) -> bytes:
    kind = _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    error = {"type": kind, "message": message, "details": details}
    return orjson.dumps({"type": "error", "error": error, "request_id": None})
