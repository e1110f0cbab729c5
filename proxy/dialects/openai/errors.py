"""Errors of providers as failures: with an error status, inside a good answer, in a stream."""

from typing import Any

from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.message import fit
from proxy.dialects.openai.kinds import implied_status, kind_of
from proxy.dialects.openai.said import said, said_in
from proxy.dialects.wait import wait_s, words_s


def failure(status: int, headers: Headers, body: bytes, wall_s: float) -> Failure:
    """The failure that an answer with an error status is; `body` is opened already."""
    words = said(body)
    return Failure(
        kind_of(words, status),
        fit(words.message) or f"it answered with status {status} and said nothing",
        status=status,
        retry_after_s=wait_s(status, headers, words.message, wall_s),
    )


def failure_inside(document: dict[str, Any], status: int) -> Failure:
    """The failure that the error in a good answer or an event is. `status` is that of the answer,
    which was no error; what counts is the one that the error names, or implies."""
    words = said_in(document)
    return Failure(
        kind_of(words, implied_status(words)),
        fit(words.message) or "it sent an error without words",
        status=status,
        retry_after_s=words_s(words.message),
    )
