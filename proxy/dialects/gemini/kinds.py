"""Which kind of failure an error is: everything this dialect knows about Google's words.

    phrases that correct a code  >  reason of the details  >  status word
    >  phrases, where the status says little  >  status

https://ai.google.dev/gemini-api/docs/troubleshooting, google/api/error_reason.proto,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors, recorded answers.
"""

from collections.abc import Mapping

from proxy.core.failure import FailureKind
from proxy.dialects.phrases import kind_by, phrase
from proxy.dialects.said import Said
from proxy.dialects.statuses import kind_of_status

_CODES: Mapping[str, FailureKind] = {
    # google.rpc.ErrorInfo: more exact than the status word, INVALID_ARGUMENT for a wrong key
    "API_KEY_INVALID": FailureKind.AUTH,
    "API_KEY_SERVICE_BLOCKED": FailureKind.AUTH,
    "API_KEY_HTTP_REFERRER_BLOCKED": FailureKind.AUTH,
    "API_KEY_IP_ADDRESS_BLOCKED": FailureKind.AUTH,
    "CREDENTIALS_MISSING": FailureKind.AUTH,
    "ACCESS_TOKEN_EXPIRED": FailureKind.AUTH,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": FailureKind.AUTH,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": FailureKind.AUTH,
    "CONSUMER_SUSPENDED": FailureKind.AUTH,
    "SERVICE_DISABLED": FailureKind.AUTH,
    "BILLING_DISABLED": FailureKind.QUOTA,
    "RATE_LIMIT_EXCEEDED": FailureKind.RATE_LIMIT,
    # google.rpc.Code. RESOURCE_EXHAUSTED speaks of plan and billing, and means the next minute.
    "UNAUTHENTICATED": FailureKind.AUTH,
    "RESOURCE_EXHAUSTED": FailureKind.RATE_LIMIT,
    "too_many_requests": FailureKind.RATE_LIMIT,
    "UNAVAILABLE": FailureKind.UNAVAILABLE,
    "DEADLINE_EXCEEDED": FailureKind.UNAVAILABLE,
    "ABORTED": FailureKind.UNAVAILABLE,
}

_IMPLIED: Mapping[str, int] = {  # google/rpc/code.proto
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
}

_CORRECTIONS = (
    phrase((400, 402, 403, 429), r"credits? (?:are|is) depleted", FailureKind.QUOTA),
    phrase((400, 403), r"enable billing|billing to be enabled", FailureKind.QUOTA),
)
_PHRASES = (
    phrase(
        (400, 403),
        r"api key (?:not valid|not found|expired|is invalid)|location is not supported",
        FailureKind.AUTH,
    ),
    phrase(
        (400, 413),
        r"token count\b.{0,40}\bexceeds the maximum|exceeds the maximum number of tokens"
        r"|payload size exceeds|prompt is too long|input is too long",
        FailureKind.CONTEXT_LENGTH,
    ),
    phrase(
        (400, 403),
        r"responsible ai practices|usage guidelines|prohibited content",
        FailureKind.CONTENT_FILTER,
    ),
    phrase(
        (400, 404),
        r"\bmodels?[/ ]\S+ (?:is|was) not (?:found|supported)|\bmodels/\S+ is no longer available"
        r"|publisher model\b.{0,300}\bnot found|unexpected model name format"
        r"|has been (?:deprecated|retired|shut down)|^model:",
        FailureKind.MODEL_NOT_FOUND,
    ),
)


def kind_of(said: Said, status: int) -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more."""
    corrected = kind_by(_CORRECTIONS, said.message, status)
    if corrected is not None:
        return corrected
    for code in said.codes:
        if code in _CODES:
            return _CODES[code]
    return kind_by(_PHRASES, said.message, status) or kind_of_status(status)


def implied_status(said: Said) -> int:
    """The status that an error without one would have come with: 500 where nothing tells."""
    named = (_IMPLIED[code] for code in said.codes if code in _IMPLIED)
    return said.status or next(named, 500)
