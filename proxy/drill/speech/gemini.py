"""Gemini's words: generateContent and streamGenerateContent.

https://ai.google.dev/gemini-api/docs/troubleshooting; its events end with CRLF, and its streams
with the chunk that has a finishReason.
"""

from typing import Any

import orjson

from proxy.drill.speech.words import Answer, Trouble, rest_of, sliced, words

_TROUBLES: dict[Trouble, tuple[int, str, str]] = {
    Trouble.RATE_LIMIT: (
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later.",
    ),
    Trouble.QUOTA: (
        403,
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled. Please enable billing on project #1.",
    ),
    Trouble.WRONG_KEY: (
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
    ),
    Trouble.SERVER_ERROR: (500, "INTERNAL", "An internal error has occurred. Please retry."),
    Trouble.OVERLOADED: (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    Trouble.CONTEXT_LENGTH: (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1250060) exceeds the maximum number of tokens allowed (1048575).",
    ),
    Trouble.CONTENT_FILTER: (200, "", ""),  # no error: an answer that has no candidates
    Trouble.PREFILL: (
        400,
        "INVALID_ARGUMENT",
        "Please ensure that single turn requests end with a user role.",
    ),
    Trouble.TOO_LARGE: (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit."),
}
_REASONS = {Trouble.WRONG_KEY: "API_KEY_INVALID", Trouble.QUOTA: "BILLING_DISABLED"}
_COMMON = {"modelVersion": "gemini-2.5-flash", "responseId": "r-1"}
_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


class Gemini:
    """See the module."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        text = rest_of(text, self.prefill(said))
        if ":streamGenerateContent" in target:
            if "alt=sse" in target:
                return Answer("text/event-stream", tuple(map(_event, _chunks(text))), chunked=True)
            return sliced("application/json", orjson.dumps(_chunks(text)))
        if ":generateContent" in target:
            return sliced("application/json", orjson.dumps(_chunk(text, finished=True)))
        return sliced("application/json", orjson.dumps({"models": [], "said": text}))

    def prefill(self, said: Any) -> str:
        contents = said.get("contents") if isinstance(said, dict) else None
        last = contents[-1] if isinstance(contents, list) and contents else None
        if not isinstance(last, dict) or last.get("role") != "model":
            return ""
        parts = last.get("parts") or []
        return "".join(part.get("text", "") for part in parts if isinstance(part, dict))

    def status(self, trouble: Trouble) -> int:
        return _TROUBLES[trouble][0]

    def error(self, trouble: Trouble, detail: str = "") -> bytes:
        if trouble is Trouble.CONTENT_FILTER:
            blocked = {"blockReason": "PROHIBITED_CONTENT"}
            return orjson.dumps({"promptFeedback": blocked, "usageMetadata": _USAGE, **_COMMON})
        status, name, message = _TROUBLES[trouble]
        said: dict[str, Any] = {"code": status, "message": message + detail, "status": name}
        if trouble in _REASONS:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            said["details"] = [{"@type": kind, "reason": _REASONS[trouble]}]
        return orjson.dumps({"error": said})

    def error_event(self, trouble: Trouble) -> bytes:
        return b"data: " + self.error(trouble) + b"\r\n\r\n"


def _chunk(text: str, *, finished: bool = False) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model"}, "index": 0}
    if text:
        candidate["content"]["parts"] = [{"text": text}]
    if finished:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "usageMetadata": _USAGE, **_COMMON}


def _chunks(text: str) -> list[dict[str, Any]]:
    """Nothing yet, each word, and the reason of the end, which is the end."""
    return [_chunk(""), *map(_chunk, words(text)), _chunk("", finished=True)]


def _event(said: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(said) + b"\r\n\r\n"
