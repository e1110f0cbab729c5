"""Events of Gemini's streams, by hand."""

from typing import Any

import orjson

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json; charset=UTF-8"}


def candidate(*parts: Any, finish: str | None = None, index: int | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}}
    if finish is not None:
        said["finishReason"] = finish
    if index is not None:
        said["index"] = index
    return said


def answer(*candidates: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"candidates": list(candidates), **fields}


def text(words: str, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return answer(candidate({"text": words}, finish=finish), **fields)


def sent(*answers: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + orjson.dumps(said) + b"\r\n\r\n" for said in answers)


def listed(*answers: dict[str, Any]) -> bytes:
    """As Google prints it, over several lines."""
    items = [orjson.dumps(said, option=orjson.OPT_INDENT_2) for said in answers]
    return b"[" + b"\n,\r\n".join(items) + b"\n]\n"


USED = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 7}
OVERLOADED = {"error": {"code": 503, "message": "The model is overloaded", "status": "UNAVAILABLE"}}
WHOLE = (text('Hel"lo {[ \\'), text(" world"), text("", "STOP", usageMetadata=USED))
