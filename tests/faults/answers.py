"""What a healthy provider says, to anything that it is asked."""

from typing import Any

import orjson

from tests.faults.turn import Answer, Request

DONE = b"data: [DONE]\n\n"
_COMMON = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o", "system_fingerprint": None}


def answer_to(request: Request, text: str) -> Answer:
    """`text` as a chat answer, plain or streamed as asked; vectors; or else a small object."""
    if "/embeddings" in request.target:
        return _plain(_vectors())
    if "/completions" not in request.target:
        return _plain({"object": "list", "data": [], "said": text})
    if request.stream:
        return Answer("text/event-stream; charset=utf-8", _events(text), chunked=True)
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return _plain({**_COMMON, "object": "chat.completion", "choices": [choice], "usage": usage})


def error(message: str, type_: str = "server_error", code: str | None = None) -> bytes:
    """OpenAI's form of an error."""
    return orjson.dumps({"error": {"message": message, "type": type_, "param": None, "code": code}})


def event(said: Any) -> bytes:
    return b"data: " + orjson.dumps(said) + b"\n\n"


def _events(text: str) -> tuple[bytes, ...]:
    """The role, each word, the finish reason, the end."""
    words = [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]
    return (
        _delta({"role": "assistant", "content": "", "refusal": None}),
        *(_delta({"content": word}) for word in words),
        _delta({}, "stop"),
        DONE,
    )


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({**_COMMON, "object": "chat.completion.chunk", "choices": [choice]})


def _plain(said: Any) -> Answer:
    body = orjson.dumps(said)
    step = max(1, -(-len(body) // 5))
    pieces = tuple(body[at : at + step] for at in range(0, len(body), step))
    return Answer("application/json", pieces, chunked=False)


def _vectors() -> Any:
    row = {"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": [row], "model": "text-embedding-3-small", "usage": usage}
