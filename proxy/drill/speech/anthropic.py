"""Anthropic's words, in the Messages API.

https://docs.claude.com/en/api/errors, and .../messages-streaming for the events.
"""

from typing import Any

import orjson

from proxy.drill.speech.words import Answer, Trouble, rest_of, sliced, words

_INVALID = "invalid_request_error"
_TROUBLES: dict[Trouble, tuple[int, str, str]] = {
    Trouble.RATE_LIMIT: (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 450,000 input tokens per "
        "minute.",
    ),
    Trouble.QUOTA: (
        400,
        _INVALID,
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing "
        "to upgrade or purchase credits.",
    ),
    Trouble.WRONG_KEY: (401, "authentication_error", "invalid x-api-key"),
    Trouble.SERVER_ERROR: (500, "api_error", "Internal server error"),
    Trouble.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Trouble.CONTEXT_LENGTH: (400, _INVALID, "prompt is too long: 200016 tokens > 200000 maximum"),
    Trouble.CONTENT_FILTER: (400, _INVALID, "Output blocked by content filtering policy"),
    Trouble.PREFILL: (
        400,
        _INVALID,
        "This model does not support assistant message prefill. The conversation must end with a "
        "user message.",
    ),
    Trouble.TOO_LARGE: (413, "request_too_large", "Request exceeds the maximum size"),
}
_BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}


class Anthropic:
    """The Messages API."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        if "/messages" not in target:
            return sliced("application/json", orjson.dumps({"data": [], "said": text}))
        text = rest_of(text, self.prefill(said))
        if isinstance(said, dict) and said.get("stream") is True:
            return Answer("text/event-stream; charset=utf-8", _events(text), chunked=True)
        usage = {"input_tokens": 3, "output_tokens": 2}
        content = [{"type": "text", "text": text}]
        message = {**_message(), "content": content, "stop_reason": "end_turn", "usage": usage}
        return sliced("application/json", orjson.dumps(message))

    def prefill(self, said: Any) -> str:
        messages = said.get("messages") if isinstance(said, dict) else None
        last = messages[-1] if isinstance(messages, list) and messages else None
        if not isinstance(last, dict) or last.get("role") != "assistant":
            return ""
        content = last.get("content")
        if isinstance(content, str):
            return content
        blocks = content if isinstance(content, list) else []
        return "".join(block.get("text", "") for block in blocks if isinstance(block, dict))

    def status(self, trouble: Trouble) -> int:
        return _TROUBLES[trouble][0]

    def error(self, trouble: Trouble, detail: str = "") -> bytes:
        _, type_, message = _TROUBLES[trouble]
        said = {"type": type_, "message": message + (detail and f" ({detail})")}
        return orjson.dumps({"type": "error", "error": said, "request_id": "req_1"})

    def error_event(self, trouble: Trouble) -> bytes:
        return b"event: error\ndata: " + self.error(trouble) + b"\n\n"


def _message() -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _event(said: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (said["type"].encode(), orjson.dumps(said))


def _events(text: str) -> tuple[bytes, ...]:
    """What opens the message, each word, the reason of its end, the end."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    start = {"type": "message_start", "message": {**_message(), "usage": usage}}
    deltas = [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": word},
        }
        for word in words(text)
    ]
    why = {"stop_reason": "end_turn", "stop_sequence": None}
    ended = {"type": "message_delta", "delta": why, "usage": {"output_tokens": 2}}
    return (
        _event(start) + _event(_BLOCK) + _event({"type": "ping"}),
        *map(_event, deltas),
        _event({"type": "content_block_stop", "index": 0}) + _event(ended),
        _event({"type": "message_stop"}),
    )
