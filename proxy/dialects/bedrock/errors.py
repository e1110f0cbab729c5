"""Errors of AWS: with an error status, inside a good answer, as an exception in a stream."""

from typing import Any

from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects import errors
from proxy.dialects.bedrock.kinds import kind_of
from proxy.dialects.said import said, said_in

ERROR_TYPE = "x-amzn-errortype"


def failure(status: int, headers: Headers, body: bytes, wall_s: float) -> Failure:
    """The failure that an answer with an error status is; `body` is opened already."""
    words = said(body, wall_s)
    kind = kind_of(words, status, headers.get(ERROR_TYPE) or "")
    return errors.failure_of(kind, words, status, headers, wall_s)


def failure_inside(document: dict[str, Any], status: int) -> Failure:
    """The failure that an error in a good answer, or an exception in a stream, is."""
    words = said_in(document)
    return errors.failure_inside(kind_of(words, None), words, status)
