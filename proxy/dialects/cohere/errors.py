"""Errors of Cohere: with an error status, and as the reason why a good answer ended."""

from typing import Any

from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects import errors
from proxy.dialects.cohere.kinds import kind_of
from proxy.dialects.said import Said, said, said_in

_FAILED = frozenset(("ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "TIMEOUT"))
"""Reasons to finish that are failures (https://docs.cohere.com/reference/chat)."""


def failure(status: int, headers: Headers, body: bytes, wall_s: float) -> Failure:
    """The failure that an answer with an error status is; `body` is opened already."""
    words = said(body, wall_s)
    return errors.failure_of(kind_of(words, status), words, status, headers, wall_s)


def failure_inside(document: dict[str, Any], status: int) -> Failure:
    """The failure that the words in a good answer or an event are."""
    words = said_in(document)
    return errors.failure_inside(kind_of(words, words.status), words, status)


def failure_at_end(reason: Any, message: Any, status: int) -> Failure | None:
    """The failure that a `finish_reason` is; None where it is none."""
    if not isinstance(reason, str) or reason not in _FAILED:
        return None
    text = message if isinstance(message, str) and message else f"it finished with {reason}"
    words = Said(message=text, codes=(reason,))
    return errors.failure_inside(kind_of(words, None), words, status)
