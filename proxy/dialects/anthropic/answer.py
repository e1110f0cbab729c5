"""Whole answers: why one is no good, and what it cost."""

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.anthropic import errors
from proxy.dialects.anthropic.stream import follower, is_stream
from proxy.dialects.anthropic.usage import usage_in
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement
from proxy.dialects.looking import Form, look_at_events, look_at_object

PARTS = {
    Operation.CHAT: ("content",),
    Operation.COMPLETIONS: ("completion",),
    Operation.COUNT_TOKENS: ("input_tokens",),
}
"""The part without which an answer of the operation is none. Others are judged by status."""
_EVENTS = (b"event:", b"data:")
_FORM = Form("usage", usage_in, errors.failure_inside)


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """See `proxy.dialects.judging`."""

    def look(plain: Beginning) -> Judgement:
        return _look(operation, status, headers, plain)

    computes = operation in PARTS
    return judging.judge(computes, status, headers, body, wall_s, errors.failure, look)


def _look(operation: Operation, status: int, headers: Headers, plain: Beginning) -> Judgement:
    if is_stream(headers) or plain.content.startswith(_EVENTS):
        return look_at_events(follower(), plain)
    return look_at_object(_FORM, PARTS[operation], status, plain)
