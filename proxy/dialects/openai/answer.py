"""Whole answers: why one is no good, and what it cost."""

from collections.abc import Mapping
from typing import Any

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement
from proxy.dialects.follow import STREAM_STATUS
from proxy.dialects.looking import Form, look_at_events, look_at_object
from proxy.dialects.openai import errors
from proxy.dialects.openai.responses import failure_in
from proxy.dialects.openai.stream import is_stream, reader_of
from proxy.dialects.openai.usage import usage_in

LISTS: Mapping[Operation, tuple[str, ...]] = {
    Operation.CHAT: ("choices",),
    Operation.COMPLETIONS: ("choices",),
    Operation.RESPONSES: ("output",),
    Operation.EMBEDDINGS: ("data",),
    Operation.RERANK: ("results", "data"),  # Voyage calls it as embeddings do
    Operation.MODERATIONS: ("results",),
}
"""The list, of several names, without which an answer of the operation is none. Others are judged
by status."""

_EVENTS = (b"data:", b"event:")
"""How streams begin, which some send without a content type."""


def _of_responses(answer: dict[str, Any]) -> Judgement:
    return failure_in(answer, STREAM_STATUS) or usage_in(answer)


_FORM = Form("usage", usage_in, errors.failure_inside)
_RESPONSES = Form("usage", _of_responses, errors.failure_inside)


def judge(
    operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
) -> Judgement:
    """See `proxy.dialects.judging`."""

    def look(plain: Beginning) -> Judgement:
        return _look(operation, status, headers, plain)

    computes = operation in LISTS
    return judging.judge(computes, status, headers, body, wall_s, errors.failure, look)


def _look(operation: Operation, status: int, headers: Headers, plain: Beginning) -> Judgement:
    if is_stream(headers) or plain.content.startswith(_EVENTS):
        return look_at_events(reader_of(operation), plain)
    form = _RESPONSES if operation is Operation.RESPONSES else _FORM
    return look_at_object(form, LISTS[operation], status, plain)
