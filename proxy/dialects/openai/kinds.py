"""Which kind of failure an error is: everything this dialect knows about its providers' words.

    corrections of a code  >  code  >  type  >  phrases, where the status says little  >  status

An error without a status, in a good answer or in a stream, has the one that it names or implies,
and every phrase fits it.

Codes and phrases are those of the providers' own pages and of recorded answers.
"""

from collections.abc import Mapping

from proxy.core.failure import FailureKind
from proxy.dialects.phrases import kind_by, phrase
from proxy.dialects.said import Said
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
    # Azure, GitHub Models
    "ResponsibleAIPolicyViolation": FailureKind.CONTENT_FILTER,
    "DeploymentNotFound": FailureKind.MODEL_NOT_FOUND,
    "unknown_model": FailureKind.MODEL_NOT_FOUND,
    "unavailable_model": FailureKind.MODEL_NOT_FOUND,
    "RateLimitReached": FailureKind.RATE_LIMIT,
    "NoCapacity": FailureKind.UNAVAILABLE,
    "tokens_limit_reached": FailureKind.CONTEXT_LENGTH,
    # Groq (https://console.groq.com/docs/errors). The model answered, and not what was asked for:
    # the caller did nothing wrong, and another model may do better.
    "tool_use_failed": FailureKind.MALFORMED,
    "json_validate_failed": FailureKind.MALFORMED,
    "model_decommissioned": FailureKind.MODEL_NOT_FOUND,
    "request_too_large": FailureKind.CONTEXT_LENGTH,
    # Cerebras; Hugging Face; watsonx; Databricks
    "wrong_api_key": FailureKind.AUTH,
    "request_quota_exceeded": FailureKind.RATE_LIMIT,
    "token_quota_exceeded": FailureKind.RATE_LIMIT,
    "model_not_supported": FailureKind.MODEL_NOT_FOUND,
    "token_quota_reached": FailureKind.QUOTA,
    "ENDPOINT_NOT_FOUND": FailureKind.MODEL_NOT_FOUND,
    "RESOURCE_DOES_NOT_EXIST": FailureKind.MODEL_NOT_FOUND,
    "REQUEST_LIMIT_EXCEEDED": FailureKind.RATE_LIMIT,
    # z.ai (https://docs.z.ai/api-reference/api-code), which says "overloaded" with a 429
    "1113": FailureKind.QUOTA,
    "1211": FailureKind.MODEL_NOT_FOUND,
    "1261": FailureKind.CONTEXT_LENGTH,
    "1301": FailureKind.CONTENT_FILTER,
    "1305": FailureKind.UNAVAILABLE,
    "1309": FailureKind.QUOTA,
    # Google, where it imitates this API
    "API_KEY_INVALID": FailureKind.AUTH,
    "UNAUTHENTICATED": FailureKind.AUTH,
    "RESOURCE_EXHAUSTED": FailureKind.RATE_LIMIT,
}

_TYPES: Mapping[str, FailureKind] = {
    "insufficient_quota": FailureKind.QUOTA,
    "exceeded_current_quota_error": FailureKind.QUOTA,
    "authentication_error": FailureKind.AUTH,
    "invalid_authentication_error": FailureKind.AUTH,
    "invalid_api_key": FailureKind.AUTH,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "rate_limit_reached_error": FailureKind.RATE_LIMIT,
    "rate_limited": FailureKind.RATE_LIMIT,
    "too_many_requests_error": FailureKind.RATE_LIMIT,
    "overloaded_error": FailureKind.UNAVAILABLE,
    "engine_overloaded_error": FailureKind.UNAVAILABLE,
    "invalid_model": FailureKind.MODEL_NOT_FOUND,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
    "model_not_available": FailureKind.MODEL_NOT_FOUND,
    "too_many_prompt_tokens": FailureKind.CONTEXT_LENGTH,
    "exceed_context_size_error": FailureKind.CONTEXT_LENGTH,
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

_UNSAID = 500
"""The status of an error that says nothing about itself."""

_CORRECTIONS = (
    # `rate_limit_exceeded`, but of a request above the whole limit of a minute: no wait will help,
    # a shorter one will.
    phrase((429,), r"request too large", FailureKind.CONTEXT_LENGTH),
    # Jobs that run, and have to end before another begins: neither a wait of seconds nor another
    # provider, who has not the files, can help.
    phrase((429,), r"maximum of \d+ active requests", FailureKind.BAD_REQUEST),
)
_PHRASES = (
    phrase(
        (400, 402, 403, 429),
        r"credit balance|insufficient (?:credit|balance|funds)|billing hard limit"
        r"|used all available credits|spending limit",
        FailureKind.QUOTA,
    ),
    phrase(
        (400, 403),
        r"(?:incorrect|invalid) api key|api key not valid|api key is invalid",
        FailureKind.AUTH,
    ),
    phrase(
        (400, 422),
        r"max(?:imum)? (?:context|prompt)|context window|prompt (?:is )?too long"
        r"|too many (?:total )?(?:tokens|text bytes)|tokens? exceeds"
        r"|total length of all messages is too long|maximum model length"
        r"|exceeds the available context",
        FailureKind.CONTEXT_LENGTH,
    ),
    phrase(
        (400, 403),
        r"content (?:management )?policy|content policies|safety system|\bflagged\b",
        FailureKind.CONTENT_FILTER,
    ),
    phrase(
        (400, 403, 404),
        r"model not found|unknown model|no endpoints found for|access to (?:the )?model\b"
        r"|not a valid model\b|^model \S+ is not supported"
        r"|\bmodel [`'\"]?[^\s`'\"]+[`'\"]? (?:does not exist|(?:was |is )?not found)",
        FailureKind.MODEL_NOT_FOUND,
    ),
    phrase((429,), r"\boverloaded\b|\b(?:at|over) capacity", FailureKind.UNAVAILABLE),
)


def kind_of(said: Said, status: int | None) -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more; None where the
    error came in an answer that was none, and only its own words can tell."""
    if status is None:
        status = said.status or _IMPLIED.get(said.type)
    corrected = None if status is None else kind_by(_CORRECTIONS, said.message, status)
    if corrected is not None:
        return corrected
    for code in said.codes:
        if code in _CODES:
            return _CODES[code]
    if said.type in _TYPES:
        return _TYPES[said.type]
    found = kind_by(_PHRASES, said.message, status)
    return found or kind_of_status(_UNSAID if status is None else status)
