"""What the app is told when nothing could answer it."""

from collections.abc import Iterator, Mapping
from typing import Any

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.event import (
    AttemptEnded,
    AttemptStarted,
    PassedOver,
    RetryRefused,
    StreamBroke,
)
from proxy.core.failure import Exhausted, Failure, FailureKind, Refusal
from proxy.core.pact import RETRY_AFTER, SHOULD_RETRY, retry_fields
from proxy.core.reply import Reply, Source, Whole
from proxy.dialects.dialect import Complaint, Dialect

_ABOUT_A_TARGET = frozenset(
    (
        FailureKind.AUTH,
        FailureKind.QUOTA,
        FailureKind.MODEL_NOT_FOUND,
        FailureKind.CONTEXT_LENGTH,
        FailureKind.CONTENT_FILTER,
        FailureKind.BAD_REQUEST,
    )
)
"""Of another upstream than the app called, these speak of our key, our model map, our request: told
as they are, they would look like the app's own mistake."""

_RETRIED_BY_SDKS = frozenset((408, 409, 429))
"""Beside all 5xx, whatever the body says (`_base_client.py` of openai-python, `_should_retry`)."""


def error_reply(call: Call, failure: Failure, dialect: Dialect) -> Reply:
    """The provider's own error, unchanged, where one target alone was asked; else an error that
    names every attempt, with the status of the failure that best tells the app what to do."""
    if failure.refusal is not None and failure.target == call.upstream:
        return _unchanged(call, failure.refusal, failure.target)
    complaint = Complaint(
        status=_status(call, failure),
        message=_message(failure),
        type="fallback_exhausted",
        code=failure.kind.value,
        attempts=tuple(_attempts(call)),
    )
    fields = retry_fields(failure.retry_after_s)
    return _reply(call, complaint, dialect, fields, failure.target or call.upstream)


def _unchanged(call: Call, refusal: Refusal, target: str) -> Reply:
    """A provider's own error, byte for byte. Where it was asked more than once, or the policy
    wants no other attempt, an SDK that would make some by itself is told that it need not."""
    headers = refusal.headers
    by_itself = refusal.status in _RETRIED_BY_SDKS or refusal.status >= 500
    if by_itself and (call.journal.attempts > 1 or _retry_was_refused(call)):
        told = CIMultiDict(headers.items())
        told[SHOULD_RETRY] = "false"
        headers = told
    return Reply(
        refusal.status,
        headers,
        Whole(refusal.body),
        source=Source.UPSTREAM,
        target=target,
        reason=refusal.reason,
    )


def _retry_was_refused(call: Call) -> bool:
    """Whether our own retries have had their say about it."""
    return any(type(entry.event) is RetryRefused for entry in call.journal.entries)


def bug_reply(call: Call, dialect: Dialect) -> Reply:
    """For an exception of ours: nothing of it is told, the log has it all."""
    complaint = Complaint(
        status=500,
        message=f"Understudy failed at this request; its log says why under {call.id}",
        type="internal_error",
        code="internal_error",
    )
    return _reply(call, complaint, dialect, retry_fields(None), call.upstream)


def stopping_reply(call: Call, dialect: Dialect) -> Reply:
    """For a call that is still waiting when the process has to end: it may be made again."""
    complaint = Complaint(
        status=503,
        message="Understudy is stopping; ask again",
        type="stopping",
        code="unavailable",
    )
    return _reply(call, complaint, dialect, {RETRY_AFTER: "1"}, call.upstream)


def _reply(
    call: Call, complaint: Complaint, dialect: Dialect, headers: Mapping[str, str], target: str
) -> Reply:
    body, content_type = dialect.error(complaint)
    fields = CIMultiDict({"Content-Type": content_type, **headers})
    return Reply(complaint.status, fields, Whole(body), source=Source.UPSTREAM, target=target)


def _message(failure: Failure) -> str:
    if not isinstance(failure, Exhausted):
        return str(failure)
    return f"all {len(failure.failures)} targets failed: {failure.message}"


def _attempts(call: Call) -> Iterator[dict[str, Any]]:
    """What was tried: every provider call that failed, every stream that broke while it was held
    back, and every target passed over."""
    begun: dict[str, float] = {}
    for at, event in call.journal.entries:
        match event:
            case AttemptStarted(target):
                begun[target] = at
            case AttemptEnded(target, _, duration_s, status, FailureKind() as kind, message):
                yield _attempt(target, kind, message, duration_s, status)
            case StreamBroke(target, kind, message):
                yield _attempt(target, kind, message, at - begun.get(target, at))
            case PassedOver(target, reason, kind, unfit):
                yield _attempt(target, kind or unfit or FailureKind.BAD_REQUEST, reason)


def _attempt(
    target: str,
    kind: FailureKind,
    message: str,
    duration_s: float = 0.0,
    status: int | None = None,
) -> dict[str, Any]:
    return {
        "target": target,
        "kind": kind.value,
        "status": status,
        "message": message,
        "duration_ms": round(duration_s * 1000, 1),
    }


def _status(call: Call, failure: Failure) -> int:
    failures = failure.failures if isinstance(failure, Exhausted) else (failure,)
    return max((_own_status(call, one) for one in failures), key=lambda weighed: weighed[0])[1]


def _own_status(call: Call, failure: Failure) -> tuple[int, int]:
    """Weight and status of one failure. The status that a provider answered with is not told: it
    may be a 200 whose body was no good. What has no target is said of the app's own request."""
    of_another = failure.target not in ("", call.upstream)
    if failure.kind in _ABOUT_A_TARGET and of_another and failure.sent:
        return 0, 503
    ours = failure.status if not failure.sent else None
    return failure.traits.weight, ours or failure.traits.status
