"""Which kind of failure an error is. Cohere's errors are hardly more than a status and a sentence.

    error_type  >  phrases, where the status says little  >  status

https://docs.cohere.com/reference/errors
"""

from collections.abc import Mapping

from proxy.core.failure import FailureKind
from proxy.dialects.phrases import kind_by, phrase
from proxy.dialects.said import Said
from proxy.dialects.statuses import kind_of_status

_CODES: Mapping[str, FailureKind] = {
    "TOO_MANY_TOKENS": FailureKind.CONTEXT_LENGTH,
    # why a stream ended, or a whole answer did
    "ERROR": FailureKind.UNAVAILABLE,
    "TIMEOUT": FailureKind.UNAVAILABLE,
    "ERROR_TOXIC": FailureKind.CONTENT_FILTER,
    "ERROR_LIMIT": FailureKind.CONTEXT_LENGTH,
}
_PHRASES = (
    phrase((400, 422), r"too many tokens|(?:token|context|size) limit", FailureKind.CONTEXT_LENGTH),
    phrase((400, 401, 403), r"(?:invalid|incorrect) api (?:key|token)", FailureKind.AUTH),
    phrase(
        (400, 404, 422),
        r"\bmodel '[^']+' (?:was removed|not found|does not exist|is not (?:found|supported))"
        r"|no such model|invalid model",
        FailureKind.MODEL_NOT_FOUND,
    ),
    phrase((400, 422), r"\bblocked\b|content (?:policy|filter)|toxic", FailureKind.CONTENT_FILTER),
)


def kind_of(said: Said, status: int | None) -> FailureKind:
    """The kind of an error that says `said` with `status`, which is 400 or more; None in an answer
    that was none."""
    for code in said.codes:
        if code in _CODES:
            return _CODES[code]
    found = kind_by(_PHRASES, said.message, status)
    return found or kind_of_status(500 if status is None else status)
