"""Errors told to the app in the forms that AWS's SDKs raise as exceptions."""

from typing import Any

import orjson

from proxy.core.failure import FailureKind
from proxy.dialects.bedrock.frames import frame
from proxy.dialects.dialect import Complaint

_CLASSES = {
    400: "ValidationException",
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    504: "ModelTimeoutException",
}
_OF_A_STREAM = {
    FailureKind.RATE_LIMIT: "throttlingException",
    FailureKind.QUOTA: "throttlingException",
    FailureKind.BAD_REQUEST: "validationException",
    FailureKind.CONTEXT_LENGTH: "validationException",
    FailureKind.CONTENT_FILTER: "validationException",
    FailureKind.MALFORMED: "modelStreamErrorException",
    FailureKind.BROKEN_STREAM: "modelStreamErrorException",
}


def error(complaint: Complaint) -> tuple[bytes, str]:
    """The body and content type of an error answer. SDKs read the class from `code` or `__type`,
    so that the code of the complaint is its `reason`."""
    name = _CLASSES.get(complaint.status, "ServiceUnavailableException")
    told: dict[str, Any] = {
        "__type": name,
        "code": name,
        "message": complaint.message,
        "type": complaint.type,
        "reason": complaint.code,
    }
    if complaint.attempts:
        told["attempts"] = [dict(attempt) for attempt in complaint.attempts]
    return orjson.dumps(told), "application/json"


def error_event(kind: FailureKind, message: str) -> bytes:
    """The frame that ends a stream: one of the exceptions that each of Bedrock's streams may have
    (ConverseStream and InvokeModelWithResponseStream, `botocore/data/bedrock-runtime`)."""
    fields = {
        ":exception-type": _OF_A_STREAM.get(kind, "serviceUnavailableException"),
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return frame(fields, orjson.dumps({"message": message}))
