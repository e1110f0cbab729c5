"""OpenAI's words, and those of everybody who speaks its API.

https://platform.openai.com/docs/guides/error-codes; a 529 is Anthropic's, and of some gateways.
"""

from typing import Any

import orjson

from proxy.drill.app.tongue import QUESTION
from proxy.drill.speech.words import Answer, Trouble, rest_of, sliced, words

DONE = b"data: [DONE]\n\n"
VECTOR = (0.5, -0.5)
_COMMON = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o", "system_fingerprint": None}
_INVALID = "invalid_request_error"
_TROUBLES: dict[Trouble, tuple[int, str, str | None, str]] = {
    Trouble.RATE_LIMIT: (429, "requests", "rate_limit_exceeded", "Rate limit reached for gpt-4o"),
    Trouble.QUOTA: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Trouble.WRONG_KEY: (401, _INVALID, "invalid_api_key", "Incorrect API key provided: "),
    Trouble.SERVER_ERROR: (500, "server_error", None, "The server had an error while processing"),
    Trouble.OVERLOADED: (529, "overloaded_error", None, "The server is overloaded"),
    Trouble.CONTEXT_LENGTH: (
        400,
        _INVALID,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens, your messages are 9000.",
    ),
    Trouble.CONTENT_FILTER: (
        400,
        _INVALID,
        "content_filter",
        "The response was filtered due to the prompt triggering the content management policy.",
    ),
    Trouble.PREFILL: (
        400,
        _INVALID,
        None,
        "This model does not support assistant message prefill. The conversation must end with a "
        "user message.",
    ),
    Trouble.TOO_LARGE: (413, _INVALID, None, "Maximum content size limit exceeded"),
}


class OpenAI:
    """The chat, completions and embeddings APIs."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        asked = said if isinstance(said, dict) else {}
        if "/embeddings" in target:
            return _plain(_vectors(asked.get("input")))
        if "/completions" not in target:
            return _plain({"object": "list", "data": [], "said": text})
        chat = "/chat/" in target
        text = rest_of(text, self.prefill(said))
        if asked.get("stream") is True:
            events = _events(text) if chat else _old_events(text)
            return Answer("text/event-stream; charset=utf-8", events, chunked=True)
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": "stop"}
        if chat:
            choice["message"] = {"role": "assistant", "content": text, "refusal": None}
        else:
            choice["text"] = text
        name = "chat.completion" if chat else "text_completion"
        return _plain({**_COMMON, "object": name, "choices": [choice], "usage": usage})

    def prefill(self, said: Any) -> str:
        """Of completions, what their prompt has behind the question of the drill's app."""
        prompt = said.get("prompt") if isinstance(said, dict) else None
        if isinstance(prompt, str) and prompt.startswith(QUESTION):
            return prompt.removeprefix(QUESTION)
        messages = said.get("messages") if isinstance(said, dict) else None
        last = messages[-1] if isinstance(messages, list) and messages else None
        if not isinstance(last, dict) or last.get("role") != "assistant":
            return ""
        content = last.get("content")
        return content if isinstance(content, str) else ""

    def status(self, trouble: Trouble) -> int:
        return _TROUBLES[trouble][0]

    def error(self, trouble: Trouble, detail: str = "") -> bytes:
        _, type_, code, message = _TROUBLES[trouble]
        said = {"message": message + detail, "type": type_, "param": None, "code": code}
        return orjson.dumps({"error": said})

    def error_event(self, trouble: Trouble) -> bytes:
        return b"data: " + self.error(trouble) + b"\n\n"


def _event(said: Any) -> bytes:
    return b"data: " + orjson.dumps(said) + b"\n\n"


def _events(text: str) -> tuple[bytes, ...]:
    """The role, each word, the finish reason, the end."""
    return (
        _delta({"role": "assistant", "content": "", "refusal": None}),
        *(_delta({"content": word}) for word in words(text)),
        _delta({}, "stop"),
        DONE,
    )


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event({**_COMMON, "object": "chat.completion.chunk", "choices": [choice]})


def _old_events(text: str) -> tuple[bytes, ...]:
    """Of the completions API, the same: nothing, each word, the finish reason, the end."""
    return _old(""), *(_old(word) for word in words(text)), _old("", "stop"), DONE


def _old(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
    return _event({**_COMMON, "object": "text_completion", "choices": [choice]})


def _plain(said: Any) -> Answer:
    return sliced("application/json", orjson.dumps(said))


def _vectors(texts: Any) -> Any:
    count = len(texts) if isinstance(texts, list) else 1
    rows = [
        {"object": "embedding", "index": index, "embedding": list(VECTOR)} for index in range(count)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": rows, "model": "text-embedding-3-small", "usage": usage}
