"""Events of Anthropic's streams, by hand."""

from typing import Any

import orjson

SSE = {"content-type": "text/event-stream; charset=utf-8"}


def event(kind: str, **fields: Any) -> bytes:
    data = orjson.dumps({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def begin(block: str = "text", index: int = 0, **fields: Any) -> bytes:
    if block == "text":
        fields.setdefault("text", "")
    return event("content_block_start", index=index, content_block={"type": block, **fields})


def delta(index: int = 0, **fields: Any) -> bytes:
    return event("content_block_delta", index=index, delta=fields)


def word(text: str, index: int = 0) -> bytes:
    return delta(index, type="text_delta", text=text)


def stop(reason: str | None, **used: int) -> bytes:
    said = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=said, usage=used)


START = event("message_start", message={"content": [], "usage": {"input_tokens": 5}})
PING = event("ping")
BLOCK_END = event("content_block_stop", index=0)
END = event("message_stop")
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
HELLO = (START, begin(), PING, word("Hello"), word(" world"))
WHOLE = (*HELLO, BLOCK_END, stop("end_turn", output_tokens=2), END)
