"""Whole answers: why one is no good, and what it cost."""

from collections.abc import Mapping
from typing import Any

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.coding import Beginning
from proxy.dialects.cohere import errors
from proxy.dialects.cohere.usage import usage_in
from proxy.dialects.dialect import Judgement
from proxy.dialects.follow import STREAM_STATUS
from proxy.dialects.looking import Form, look_at_object

_NEEDS: Mapping[Operation, tuple[str, ...]] = {
    Operation.CHAT: ("message", "text"),  # v2, v1
    Operation.COMPLETIONS: ("generations",),
    Operation.EMBEDDINGS: ("embeddings",),
    Operation.RERANK: ("results",),
}
"""Of which an answer of the operation has one."""


def _comes_to(answer: dict[str, Any]) -> Judgement:
    if isinstance(answer.get("message"), str):  # where errors say what is wrong, too
        return errors.failure_inside(answer, STREAM_STATUS)
    failed = errors.failure_at_end(answer.get("finish_reason"), answer.get("error"), STREAM_STATUS)
    return failed or usage_in(answer)


_FORM = Form("meta", _comes_to, errors.failure_inside)


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """See `proxy.dialects.judging`."""

    def look(plain: Beginning) -> Judgement:
        return look_at_object(_FORM, _NEEDS[operation], status, plain)

    computes = operation in _NEEDS
    return judging.judge(computes, status, headers, body, wall_s, errors.failure, look)
