"""Whole answers: why one is no good, and what it cost."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement
from proxy.dialects.gemini import errors
from proxy.dialects.gemini.stream import is_stream, untold
from proxy.dialects.gemini.usage import usage_in
from proxy.dialects.looking import Form, look_at_events, look_at_object

PARTS = {
    Operation.CHAT: ("candidates", "promptFeedback", "usageMetadata"),
    Operation.EMBEDDINGS: ("embedding", "embeddings", "predictions"),
    Operation.COUNT_TOKENS: ("totalTokens",),
}
"""Without any of these an answer of the operation is none. Others are judged by status."""


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """See `proxy.dialects.judging`."""

    def look(plain: Beginning) -> Judgement:
        return _look(operation, status, headers, plain)

    computes = operation in PARTS
    return judging.judge(computes, status, headers, body, wall_s, errors.failure, look)


def _look(operation: Operation, status: int, headers: Headers, plain: Beginning) -> Judgement:
    if operation is Operation.CHAT and (is_stream(headers) or plain.content.startswith(b"data:")):
        return look_at_events(untold(), plain)
    return look_at_object(_FORM, PARTS[operation], status, plain)


_FORM = Form("usageMetadata", usage_in, errors.failure_inside)
