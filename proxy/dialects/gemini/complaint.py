"""What we tell the app of our own: errors as Google's SDKs raise them."""

from typing import Any

import orjson

from proxy.core.failure import TRAITS, FailureKind
from proxy.dialects.dialect import Complaint

_WORDS = {  # google/rpc/code.proto
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    504: "DEADLINE_EXCEEDED",
}
_DOMAIN = "understudy"


def error(complaint: Complaint) -> tuple[bytes, str]:
    """The body and content type of an error answer, with its cause as google.rpc.ErrorInfo and what
    was tried as a google.protobuf.Struct (https://google.aip.dev/193)."""
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": complaint.code.upper().replace(".", "_"),
            "domain": _DOMAIN,
            "metadata": {"type": complaint.type},
        }
    ]
    if complaint.attempts:
        tried = [dict(attempt) for attempt in complaint.attempts]
        kind = "type.googleapis.com/google.protobuf.Struct"
        details.append({"@type": kind, "value": {"attempts": tried}})
    told = {**_told(complaint.status, complaint.message), "details": details}
    return orjson.dumps({"error": told}), "application/json; charset=UTF-8"


def error_event(kind: FailureKind, message: str) -> bytes:
    """The event that ends a stream. The SDKs raise on any whose data has `error` with a status
    (python-genai `_api_client.py`, js-genai `_api_client.ts`). An error that came after a good
    beginning is never the app's own."""
    told = _told(max(500, TRAITS[kind].status), message)
    return b"data: " + orjson.dumps({"error": told}) + b"\r\n\r\n"


def _told(status: int, message: str) -> dict[str, Any]:
    word = _WORDS.get(status) or ("UNAVAILABLE" if status >= 500 else "FAILED_PRECONDITION")
    return {"code": status, "message": message, "status": word}
