"""Which kind of failure an error is: everything this dialect knows about its providers' words.

    corrections of a code  >  code  >  type  >  phrases, where the status says little  >  status

Codes and phrases are those of the providers' own pages and of recorded answers.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from proxy.core.failure import FailureKind
from proxy.dialects.openai.said import Said
from proxy.dialects.statuses import kind_of_status

_CODES: Mapping[str, FailureKind] = {
    # https://platform.openai.com/docs/guides/error-codes
    "invalid_api_key": FailureKind.AUTH,
    "invalid_organization": FailureKind.AUTH,
    "account_deactivated": FailureKind.AUTH,
    "insufficient_quota": FailureKind.QUOTA,
    "billing_hard_limit_reached": FailureKind.QUOTA,
    "billing_not_active": FailureKind.QUOTA,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
    "context_length_exceeded": FailureKind.CONTEXT_LENGTH,
    "string_above_max_length": FailureKind.CONTEXT_LENGTH,
    "content_filter": FailureKind.CONTENT_FILTER,
    "content_policy_violation": FailureKind.CONTENT_FILTER,
    "moderation_blocked": FailureKind.CONTENT_FILTER,
    "rate_limit_exceeded": FailureKind.RATE_LIMIT,
    "server_error": FailureKind.UNAVAILABLE,
    # Azure
    "ResponsibleAIPolicyViolation": FailureKind.CONTENT_FILTER,
    "DeploymentNotFound": FailureKind.MODEL_NOT_FOUND,
    "unknown_model": FailureKind.MODEL_NOT_FOUND,
    "RateLimitReached": FailureKind.RATE_LIMIT,
    # Cerebras; z.ai, which says "overloaded" with a 429
    "wrong_api_key": FailureKind.AUTH,
    "request_quota_exceeded": FailureKind.RATE_LIMIT,
    "1305": FailureKind.UNAVAILABLE,
}

_TYPES: Mapping[str, FailureKind] = {
    "insufficient_quota": FailureKind.QUOTA,
    "authentication_error": FailureKind.AUTH,
    "invalid_api_key": FailureKind.AUTH,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "rate_limited": FailureKind.RATE_LIMIT,
    "too_many_requests_error": FailureKind.RATE_LIMIT,
    "overloaded_error": FailureKind.UNAVAILABLE,
    "too_many_prompt_tokens": FailureKind.CONTEXT_LENGTH,
}

_IMPLIED: Mapping[str, int] = {
    # Types that come with many a status (`invalid_request_error` with a 401 and a 429), so that
    # they tell something only where there is no status.
    "invalid_request_error": 400,
    "permission_error": 403,
    "not_found_error": 404,
    "tokens": 429,
    "requests": 429,
}


class _Phrase(NamedTuple):
    """Words that mean a kind, when they come with one of some statuses."""

    statuses: tuple[int, ...]
    words: re.Pattern[str]
    kind: FailureKind


def _phrase(statuses: tuple[int, ...], words: str, kind: FailureKind) -> _Phrase:
    return _Phrase(statuses, re.compile(words, re.IGNORECASE), kind)


_CORRECTIONS = (
    # `rate_limit_exceeded`, but of a request above the whole limit of a minute: no wait will help,
    # a shorter one will.
    _phrase((429,), r"request too large", FailureKind.CONTEXT_LENGTH),
)
_PHRASES = (
    _phrase(
        (400, 402, 403, 429),
        r"credit balance|insufficient (?:credit|balance|funds)|billing hard limit",
        FailureKind.QUOTA,
    ),
    _phrase(
        (400, 403),
        r"(?:incorrect|invalid) api key|api key not valid|api key is invalid",
        FailureKind.AUTH,
    ),
    _phrase(
        (400, 422),
        r"max(?:imum)? (?:context|prompt)|context window|prompt (?:is )?too long"
        r"|too many (?:total )?(?:tokens|text bytes)|tokens? exceeds"
        r"|total length of all messages is too long",
        FailureKind.CONTEXT_LENGTH,
    ),
    _phrase(
        (400, 403),
        r"content (?:management )?policy|content policies|safety system|\bflagged\b",
        FailureKind.CONTENT_FILTER,
    ),
    _phrase(
        (400, 403, 404),
        r"model not found|unknown model|no endpoints found for|access to (?:the )?model\b"
        r"|^model \S+ is not supported"
        r"|\bmodel [`'\"]?[^\s`'\"]+[`'\"]? (?:does not exist|(?:was |is )?not found)",
        FailureKind.MODEL_NOT_FOUND,
    ),
)


def kind_of(said: Said, status: int) -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more."""
    corrected = _kind_by(_CORRECTIONS, said, status)
    if corrected is not None:
        return corrected
    for code in said.codes:
        if code in _CODES:
            return _CODES[code]
    if said.type in _TYPES:
        return _TYPES[said.type]
    return _kind_by(_PHRASES, said, status) or kind_of_status(status)


def implied_status(said: Said) -> int:
    """The status that an error without one would have come with: 500 where nothing tells."""
    return said.status or _IMPLIED.get(said.type, 500)


def _kind_by(phrases: tuple[_Phrase, ...], said: Said, status: int) -> FailureKind | None:
    for phrase in phrases:
        if status in phrase.statuses and phrase.words.search(said.message):
            return phrase.kind
    return None
