"""Answers of a stand-in that says a text, in the form of chat completions and completions.

plain     one object
streamed  role, word, word, ..., finish   (chat; completions begin with the first word)
          usage, where it was asked for
          [DONE]
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from proxy.core.call import Operation
from proxy.dialects.dialect import Question

_WORDS = re.compile(r"\S+\s*|\s+")
_NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""A stand-in's words cost nothing, and no model counted them."""


def say(
    question: Question, text: str, answer_id: str, created_s: int, mark: str
) -> tuple[bytes, str]:
    """The body and content type of the answer. `mark` is in every object of it."""
    chat = question.operation is Operation.CHAT
    common: dict[str, Any] = {
        "id": f"{'chatcmpl' if chat else 'cmpl'}-{answer_id}",
        "object": "chat.completion" if chat else "text_completion",
        "created": created_s,
        "model": question.model,
        "understudy": {"source": mark},
    }
    if not question.stream:
        form = _chat_choice if chat else _completion_choice
        choices = [form(index, text) for index in range(question.choices)]
        return orjson.dumps({**common, "choices": choices, "usage": _NO_TOKENS}), "application/json"
    if chat:
        common["object"] = "chat.completion.chunk"
    if question.usage_in_stream:
        common["usage"] = None
    pieces = [{**common, "choices": choices} for choices in _choices(question, text, chat)]
    if question.usage_in_stream:
        pieces.append({**common, "choices": [], "usage": _NO_TOKENS})
    events = b"".join(b"data: " + orjson.dumps(piece) + b"\n\n" for piece in pieces)
    return events + b"data: [DONE]\n\n", "text/event-stream; charset=utf-8"


def _chat_choice(index: int, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}


def _completion_choice(index: int, text: str) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"}


def _choices(question: Question, text: str, chat: bool) -> Iterator[list[dict[str, Any]]]:
    """The `choices` of each event of a stream, one choice after the other."""
    for index in range(question.choices):
        if chat:
            start = {"role": "assistant", "content": "", "refusal": None}
            yield [_piece(index, {"delta": start})]
        for word in _WORDS.findall(text):
            yield [_piece(index, {"delta": {"content": word}} if chat else {"text": word})]
        yield [_piece(index, {"delta": {}} if chat else {"text": ""}, "stop")]


def _piece(index: int, says: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, **says, "logprobs": None, "finish_reason": finish}
