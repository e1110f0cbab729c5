"""Which kind of failure an error is: the class that AWS names, then its words, then the status.

    x-amzn-ErrorType header  >  __type of the body, or of an exception in a stream  >  status

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""

from collections.abc import Mapping

from proxy.core.failure import FailureKind
from proxy.dialects.phrases import kind_by, phrase
from proxy.dialects.said import Said
from proxy.dialects.statuses import kind_of_status

_CLASSES: Mapping[str, FailureKind] = {
    "unrecognizedclient": FailureKind.AUTH,
    "invalidsignature": FailureKind.AUTH,
    "signaturedoesnotmatch": FailureKind.AUTH,
    "incompletesignature": FailureKind.AUTH,
    "missingauthenticationtoken": FailureKind.AUTH,
    "invalidclienttokenid": FailureKind.AUTH,
    "expiredtoken": FailureKind.AUTH,
    "accessdenied": FailureKind.AUTH,
    "notauthorized": FailureKind.AUTH,
    "throttling": FailureKind.RATE_LIMIT,
    "throttled": FailureKind.RATE_LIMIT,
    "toomanyrequests": FailureKind.RATE_LIMIT,
    "servicequotaexceeded": FailureKind.RATE_LIMIT,
    "validation": FailureKind.BAD_REQUEST,
    "conflict": FailureKind.BAD_REQUEST,
    "resourcenotfound": FailureKind.BAD_REQUEST,  # an agent, a session; of models see the phrases
    "modelnotready": FailureKind.UNAVAILABLE,
    "modeltimeout": FailureKind.UNAVAILABLE,
    "modelerror": FailureKind.UNAVAILABLE,
    "modelstreamerror": FailureKind.UNAVAILABLE,
    "serviceunavailable": FailureKind.UNAVAILABLE,
    "internalserver": FailureKind.UNAVAILABLE,
    "internalfailure": FailureKind.UNAVAILABLE,
    "internalservererror": FailureKind.UNAVAILABLE,
    "dependencyfailed": FailureKind.UNAVAILABLE,
    "badgateway": FailureKind.UNAVAILABLE,
}
"""Lower-case, without `Exception` at the end."""

_PHRASES = (
    phrase(
        (400, 413),
        r"input is too long|too many (?:total )?(?:input )?(?:tokens|text bytes)"
        r"|prompt is too long|max(?:imum)? (?:context|input)|context (?:limit|window|length)"
        r"|exceeds the maximum (?:number of )?(?:input )?tokens",
        FailureKind.CONTEXT_LENGTH,
    ),
    phrase(
        (400, 403, 404),
        r"model identifier is invalid|access to the model|model access is denied"
        r"|on-demand throughput isn.t supported|end of its life"
        r"|(?:model|inference profile)[^.]{0,80}(?:not found|does not exist|(?:no|isn.)t available)"
        r"|could not resolve the foundation|use case details have not been submitted",
        FailureKind.MODEL_NOT_FOUND,
    ),
    phrase(
        (400,), r"content filtering policy|blocked by (?:our )?content", FailureKind.CONTENT_FILTER
    ),
)


def kind_of(said: Said, status: int | None, error_type: str = "") -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more (None in a stream,
    where there is none); `error_type` is the value of `x-amzn-ErrorType`."""
    found = _CLASSES.get(class_of(error_type)) or _CLASSES.get(class_of(said.type))
    if found in (None, FailureKind.BAD_REQUEST, FailureKind.AUTH):
        by_words = kind_by(_PHRASES, said.message, status)
        found = by_words or found
    return found or kind_of_status(500 if status is None else status)


def class_of(error_type: str) -> str:
    """`com.amazon.x#ThrottlingException:http://internal/` -> `throttling`."""
    name = error_type.partition(":")[0].rpartition("#")[2].strip().lower()
    return name.removesuffix("exception")
