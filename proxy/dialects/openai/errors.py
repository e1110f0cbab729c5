"""Errors of this family's providers: with an error status, inside a good answer, in a stream."""

from typing import Any

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects import errors
from proxy.dialects.openai.kinds import kind_of
from proxy.dialects.said import said, said_in

FAILED = "error"
"""The `finish_reason` of a choice that failed, maybe in the middle of it
(https://openrouter.ai/docs/api/reference/errors-and-debugging)."""


def failure(status: int, headers: Headers, body: bytes, wall_s: float) -> Failure:
    """The failure that an answer with an error status is; `body` is opened already."""
    words = said(body, wall_s)
    found = errors.failure_of(kind_of(words, status), words, status, headers, wall_s)
    return _weighed(found)


def failure_inside(document: dict[str, Any], status: int) -> Failure:
    """The failure that the error in a good answer or an event is. `status` is that of the answer,
    which was no error; what counts is the one that the error names, or implies."""
    words = said_in(document)
    return _weighed(errors.failure_inside(kind_of(words, None), words, status))


def _weighed(failure: Failure) -> Failure:
    """A provider that says itself that its model did not do as it was told (Groq's tool_use_failed)
    is well: another model may do better, and nothing is held against this one."""
    failure.blameless = failure.kind is FailureKind.MALFORMED
    return failure
