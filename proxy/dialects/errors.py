"""Errors of providers as failures, once a dialect has said of which kind they are."""

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.core.pact import SHOULD_RETRY
from proxy.dialects.message import fit
from proxy.dialects.said import Said
from proxy.dialects.wait import headers_s

_WORDS = {"true": True, "false": False}


def should_retry(headers: Headers) -> bool | None:
    """The provider's word on whether the same request can do better; None where it gives none."""
    told = headers.get(SHOULD_RETRY)
    return None if told is None else _WORDS.get(told.strip().lower())


def failure_of(
    kind: FailureKind, said: Said, status: int, headers: Headers, wall_s: float
) -> Failure:
    """The failure that an answer with an error status is. Of several waits that it tells, the
    headers' counts."""
    asked_s = headers_s(headers, wall_s)
    return Failure(
        kind,
        fit(said.message) or f"it answered with status {status} and said nothing",
        status=status,
        retry_after_s=said.wait_s if asked_s is None else asked_s,
        should_retry=should_retry(headers),
    )


def failure_inside(kind: FailureKind, said: Said, status: int) -> Failure:
    """The failure that an error in a good answer or an event is. `status` is that of the answer,
    which was no error."""
    return Failure(
        kind,
        fit(said.message) or "it sent an error without words",
        status=status,
        retry_after_s=said.wait_s,
    )
