"""Cohere's words, as far as its SDK has to understand them (https://docs.cohere.com/reference/chat).

In chat, its streams, and vectors; of its complaints there is none.
"""

from typing import Any

import orjson

from proxy.drill.speech.raw import Raw
from proxy.drill.speech.words import Answer, sliced, words

_TOKENS = {"tokens": {"input_tokens": 3, "output_tokens": 2}}


class Cohere(Raw):
    """The Chat and Embed APIs, version 2."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        if target.endswith("/v2/embed"):
            vectors = {"id": "e-1", "embeddings": {"float": [[0.5, -0.5]]}, "texts": said["texts"]}
            return sliced("application/json", orjson.dumps(vectors))
        if not target.endswith("/v2/chat"):
            return super().answer(target, said, text)
        if said.get("stream") is True:
            return Answer("text/event-stream", _events(text), chunked=True)
        content = [{"type": "text", "text": text}]
        message = {"role": "assistant", "content": content}
        whole = {"id": "c-1", "finish_reason": "COMPLETE", "message": message, "usage": _TOKENS}
        return sliced("application/json", orjson.dumps(whole))


def _events(text: str) -> tuple[bytes, ...]:
    """What opens the message, each word, the end."""
    begun = {"message": {"role": "assistant", "content": []}}
    block = {"message": {"content": {"type": "text", "text": ""}}}
    return (
        _event("message-start", id="c-1", delta=begun)
        + _event("content-start", index=0, delta=block),
        *(
            _event("content-delta", index=0, delta={"message": {"content": {"text": word}}})
            for word in words(text)
        ),
        _event("content-end", index=0),
        _event("message-end", delta={"finish_reason": "COMPLETE", "usage": _TOKENS}),
    )


def _event(kind: str, **more: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **more}))
