"""Which kind of failure an error is: everything this dialect knows about Anthropic's words.

    code  >  phrases that correct a type  >  a limit that no wait will lift  >  type
    >  phrases, where the status says little  >  Google's words, on Vertex  >  status

https://docs.claude.com/en/api/errors, the SDKs' error codes, and recorded answers.
"""

from collections.abc import Mapping

from proxy.core.failure import FailureKind
from proxy.core.headers import Headers
from proxy.dialects.errors import should_retry
from proxy.dialects.gemini import kinds as google
from proxy.dialects.phrases import kind_by, phrase
from proxy.dialects.said import Said

_CODES: Mapping[str, FailureKind] = {
    "contract_spend_limit_reached": FailureKind.QUOTA,
    "enforced_spend_limit_reached": FailureKind.QUOTA,
    "linked_organization_spend_limit_reached": FailureKind.QUOTA,
    "linked_organization_billing_unavailable": FailureKind.QUOTA,
    "ramp_limit_exceeded": FailureKind.RATE_LIMIT,
    "organization_on_hold": FailureKind.AUTH,
    "api_key_scope_missing": FailureKind.AUTH,
    "cmek_key_disabled": FailureKind.AUTH,
    "cmek_key_unreachable": FailureKind.UNAVAILABLE,
    "cmek_context_unavailable": FailureKind.UNAVAILABLE,
    "request_body_too_large_after_decoding": FailureKind.CONTEXT_LENGTH,
}

_TYPES: Mapping[str, FailureKind] = {
    "authentication_error": FailureKind.AUTH,
    "billing_error": FailureKind.QUOTA,
    "rate_limit_error": FailureKind.RATE_LIMIT,
    "overloaded_error": FailureKind.UNAVAILABLE,
    "timeout_error": FailureKind.UNAVAILABLE,
    "request_too_large": FailureKind.CONTEXT_LENGTH,
}

_IMPLIED: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}

_CORRECTIONS = (
    phrase(
        (400, 402, 403, 429),
        r"credit balance is too low|reached your specified (?:\w+ )?api usage limits",
        FailureKind.QUOTA,
    ),
    phrase(
        (400, 403),
        r"organization has been disabled|credential is only authorized for",
        FailureKind.AUTH,
    ),
)
_PHRASES = (
    phrase(
        (400,),
        r"prompt is too long|too many total text bytes|exceed context limit"
        r"|input is too long|request (?:size )?exceeds the maximum size",
        FailureKind.CONTEXT_LENGTH,
    ),
    phrase(
        (400, 403),
        r"blocked by (?:our )?content filtering|content filtering policy",
        FailureKind.CONTENT_FILTER,
    ),
    phrase((400, 403, 404), r"^model:|access to (?:the )?model\b", FailureKind.MODEL_NOT_FOUND),
)

_REMAINING = (
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-output-tokens-remaining",
)


def kind_of(said: Said, status: int, headers: Headers | None = None) -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more. In a stream it
    has no `headers` of its own."""
    for code in said.codes:
        if code in _CODES:
            return _CODES[code]
    corrected = kind_by(_CORRECTIONS, said.message, status)
    if corrected is not None:
        return corrected
    if status == 429 and headers is not None and _too_large(headers):
        return FailureKind.CONTEXT_LENGTH
    if said.type in _TYPES:
        return _TYPES[said.type]
    return kind_by(_PHRASES, said.message, status) or google.kind_of(said, status)


def implied_status(said: Said) -> int:
    """The status that an error without one would have come with: 500 where nothing tells."""
    return said.status or _IMPLIED.get(said.type) or google.implied_status(said)


def _too_large(headers: Headers) -> bool:
    """Whether a rate limit is that of a request larger than all of a minute's tokens: not to be
    tried again, no wait named, and no limit used up."""
    return (
        should_retry(headers) is False
        and "retry-after" not in headers
        and all(headers.get(name) != "0" for name in _REMAINING)
    )
