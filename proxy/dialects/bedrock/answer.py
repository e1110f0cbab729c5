"""Whole answers: why one is no good, and what it cost."""

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.bedrock import errors
from proxy.dialects.bedrock.usage import usage_in
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement
from proxy.dialects.judging import MOST_PARSED_BYTES, is_object, malformed
from proxy.dialects.objects import object_in
from proxy.dialects.times import count

_COMPUTES = frozenset((Operation.CHAT, Operation.EMBEDDINGS, Operation.RERANK))
_INPUT_TOKENS = "x-amzn-bedrock-input-token-count"
_OUTPUT_TOKENS = "x-amzn-bedrock-output-token-count"


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """See `proxy.dialects.judging`. Each family of models answers InvokeModel in a form of its own,
    so a JSON object is all that is asked of a good answer."""

    def look(plain: Beginning) -> Judgement:
        return _look(status, headers, plain)

    computes = operation in _COMPUTES
    return judging.judge(computes, status, headers, body, wall_s, errors.failure, look)


def _look(status: int, headers: Headers, plain: Beginning) -> Judgement:
    content = plain.content
    if errors.ERROR_TYPE in headers:
        return errors.failure(status, headers, content, 0.0)
    told = _told_by(headers)
    if not plain.whole or len(content) > MOST_PARSED_BYTES:
        return told if is_object(plain) else _no_object(status)
    answer = object_in(content)
    if not answer:
        return _no_object(status)
    if "__type" in answer:
        return errors.failure_inside(answer, status)
    return usage_in(answer) or told


def _no_object(status: int) -> Judgement:
    return malformed(status, f"it answered {status} with what is no JSON object")


def _told_by(headers: Headers) -> UsageSeen | None:
    """InvokeModel tells the tokens in headers."""
    taken, given = count(headers.get(_INPUT_TOKENS)), count(headers.get(_OUTPUT_TOKENS))
    return None if taken is None and given is None else UsageSeen(taken, given)
