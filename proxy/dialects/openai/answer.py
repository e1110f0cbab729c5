"""Whole answers: why one is no good, and what it cost."""

from collections.abc import Mapping
from typing import Any

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects import judging
from proxy.dialects.coding import Beginning
from proxy.dialects.dialect import Judgement
from proxy.dialects.follow import STREAM_STATUS
from proxy.dialects.judging import first_sign
from proxy.dialects.looking import Form, look_at_events, look_at_object
from proxy.dialects.objects import object_in
from proxy.dialects.openai import errors
from proxy.dialects.openai.responses import failure_in
from proxy.dialects.openai.stream import is_stream, reader_of
from proxy.dialects.openai.usage import usage_in

LISTS: Mapping[Operation, tuple[str, ...]] = {
    Operation.CHAT: ("choices",),
    Operation.COMPLETIONS: ("choices",),
    Operation.RESPONSES: ("output",),
    Operation.EMBEDDINGS: ("data", "embedding"),  # as Ollama's /api/embeddings calls its one
    Operation.RERANK: ("results", "data"),  # Voyage calls it as embeddings do
    Operation.MODERATIONS: ("results",),
}
"""The list, of several names, without which an answer of the operation is none. Others are judged
by status."""

MOST_RECEIPT_BYTES = 512

_EVENTS = (b"data:", b"event:")
"""How streams begin, which some send without a content type."""


def _of_responses(answer: dict[str, Any]) -> Judgement:
    return failure_in(answer, STREAM_STATUS) or usage_in(answer)


def _of_choices(answer: dict[str, Any]) -> Judgement:
    choices = answer.get("choices")
    failed = [
        choice
        for choice in (choices if isinstance(choices, list) else ())
        if isinstance(choice, dict) and choice.get("finish_reason") == errors.FAILED
    ]
    return errors.failure_inside(failed[0], STREAM_STATUS) if failed else usage_in(answer)


_FORM = Form("usage", _of_choices, errors.failure_inside)
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
    if _is_another(operation, plain):
        return None
    form = _RESPONSES if operation is Operation.RESPONSES else _FORM
    return look_at_object(form, LISTS[operation], status, plain)


def _is_another(operation: Operation, plain: Beginning) -> bool:
    """Whether a good answer has a form that none of its operation has elsewhere: the receipt for
    xAI's deferred completion (https://docs.x.ai/docs/guides/deferred-chat-completions), and the
    bare list of Hugging Face's reranker (text-embeddings-inference)."""
    if operation is Operation.CHAT and len(plain.content) < MOST_RECEIPT_BYTES:
        answer = object_in(plain.content)
        return answer is not None and answer.keys() == {"request_id"}
    return operation is Operation.RERANK and first_sign(plain.content) == b"["
