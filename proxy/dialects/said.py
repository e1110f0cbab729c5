"""What an error body says, whichever of the shapes that providers use it has.

    {"error": {"message", "type", "code", "param"}}            OpenAI, Azure, Groq, DeepSeek, ...
    {"type": "error", "error": {"type", "message"}}            Anthropic
    {"error": {"message", "code", "status", "details"}}        Gemini and Vertex, also in a list
    {"error": "...", "code": "..."}                            xAI, Hugging Face
    {"message", "type", "code"}  or  {"detail"}                Mistral, Cerebras, Voyage, Cohere
    {"__type", "message"}  or  {"Message"}                     Bedrock
    {"errors": [{"code", "message"}]}                          Cloudflare, watsonx
    any of them as text within another                         OpenRouter (metadata.raw), Portkey
    text, or a page of HTML                                    every gateway in front of them

Content types lie (JSON as octet-stream, text as JSON), so only the bytes are asked.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import orjson

from proxy.dialects.judging import MOST_PARSED_BYTES, first_sign
from proxy.dialects.objects import json_of, object_in
from proxy.dialects.times import go_duration_s
from proxy.dialects.wait import fields_s, words_s

_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_TAGS = re.compile(r"(?s)<[^>]{0,500}>")
_FIELD = re.compile(
    rb'"(message|type|code|detail|msg)"\s*:\s*("(?:[^"\\]|\\.){0,4096}"|[0-9]{1,15})', re.DOTALL
)
_WORDS = ("message", "detail", "Message", "msg")
_GLIMPSED_BYTES = 16 * 1024
_MOST_LAYERS = 3
"""Of errors told within errors: a gateway, its provider, and whom that one asks."""
MOST_CHARACTERS = 4096
"""Of an error's words: whatever it is about stands at its beginning, and phrases are looked for in
all of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """An error's own words. `codes` has every code of it, the most exact first; `status` what the
    body says of the status, which in a 200 and in a stream is the only one; `wait_s` how long it
    asks to be left alone, in its fields or its words."""

    message: str = ""
    type: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None
    wait_s: float | None = None


def said(body: bytes, wall_s: float | None = None) -> Said:
    """What an error answer with this body says. Any bytes will do; the least is nothing. Of a large
    one the beginning is read. `wall_s`: see `said_in`."""
    if len(body) > MOST_PARSED_BYTES and first_sign(body) in (b"{", b"["):
        return said_in(glimpse(body), wall_s)
    try:
        found = orjson.loads(body[: MOST_PARSED_BYTES + 1])
    except orjson.JSONDecodeError:
        text = _sentence(body[:MOST_CHARACTERS].decode("utf-8", "replace"))
        return Said(message=text, wait_s=words_s(text))
    if isinstance(found, list) and found:
        found = found[0]
    return said_in(found, wall_s) if isinstance(found, dict) else Said(message=_text(found))


def glimpse(body: bytes) -> dict[str, Any]:
    """What can be seen of an error at the beginning of JSON that is too large to read: the first
    of each of its fields."""
    found: dict[str, Any] = {}
    for name, value in _FIELD.findall(body[:_GLIMPSED_BYTES]):
        try:
            found.setdefault(name.decode(), orjson.loads(value))
        except orjson.JSONDecodeError:
            continue  # an escape that JSON does not have: not worth more
    return found


def said_in(document: dict[str, Any], wall_s: float | None = None, layer: int = 1) -> Said:
    """What an error in a JSON object says; `document` is all of the body, or of an event's data.
    `wall_s` is now, for moments that it names: without it they are not read."""
    inner = _error_of(document)
    cause = inner.get("innererror")  # Azure says the true reason there
    details = _details(inner)
    codes = [detail.get("reason") or detail.get("error_code") for detail in details]
    codes += [inner.get("code"), inner.get("error_code"), inner.get("error_type")]
    codes.append(cause.get("code") if isinstance(cause, dict) else None)
    message = _text(next((inner[name] for name in _WORDS if inner.get(name)), None))
    told = Said(
        message=message,
        type=_text(inner.get("type") or inner.get("__type")),
        codes=tuple(
            str(code)
            for code in (*codes, inner.get("status"))
            if isinstance(code, str | int) and code
        ),
        status=_status(inner.get("status_code"), inner.get("status"), *codes),
        wait_s=_wait_s(inner, details, message, wall_s),
    )
    behind = _behind(inner, message) if layer < _MOST_LAYERS else None
    return told if behind is None else _joined(told, said_in(behind, wall_s, layer + 1))


def _error_of(document: dict[str, Any]) -> dict[str, Any]:
    """The part of `document` that has the words."""
    error, several = document.get("error"), document.get("errors")
    if isinstance(error, dict):
        return error
    if error:
        return {**document, "message": error}
    if isinstance(several, list) and several and isinstance(several[0], dict):
        return {"status_code": document.get("status_code"), **several[0]}
    return document


def _details(inner: dict[str, Any]) -> list[dict[str, Any]]:
    """Typed additions to an error: Google's several (https://google.aip.dev/193), Anthropic's one
    (its SDKs' `APIStatusError.details`)."""
    details = inner.get("details")
    listed = details if isinstance(details, list) else [details]
    return [detail for detail in listed if isinstance(detail, dict)]


def _wait_s(
    inner: dict[str, Any], details: list[dict[str, Any]], message: str, wall_s: float | None
) -> float | None:
    for detail in details:  # google.rpc.RetryInfo: `22s`, `22.37s`
        if isinstance(delay := detail.get("retryDelay"), str):
            return go_duration_s(delay)
    for fields in (inner, inner.get("metadata")):
        if isinstance(fields, dict) and (asked_s := fields_s(fields, wall_s)) is not None:
            return asked_s
    return words_s(message)


def _behind(inner: dict[str, Any], message: str) -> dict[str, Any] | None:
    """The error of whoever is behind a gateway that repeats it, mostly as text."""
    metadata = inner.get("metadata")
    for told in (
        metadata.get("raw") if isinstance(metadata, dict) else None,
        inner.get("html-message"),
        message,
    ):
        if isinstance(told, dict):
            return told
        if not isinstance(told, str) or not told:
            continue
        if told.lstrip()[:1] in ("{", "["):
            found = object_in(told.strip().removeprefix("[").removesuffix("]").encode())
            if found is not None:
                return found
        elif told is not message:
            return {"message": _sentence(told[:MOST_CHARACTERS])}
    return None


def _joined(told: Said, behind: Said) -> Said:
    """The words of the one behind, which are the cause; of the rest, what the outer one says."""
    return replace(
        told,
        message=behind.message or told.message,
        type=behind.type or told.type,
        codes=(*told.codes, *behind.codes),
        status=told.status or behind.status,
        wait_s=behind.wait_s if told.wait_s is None else told.wait_s,
    )


def _status(*named: Any) -> int | None:
    for value in named:
        text = str(value) if isinstance(value, int | str) else ""
        if len(text) == 3 and text.isascii() and text.isdigit() and 400 <= int(text) < 600:
            return int(text)
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else (json_of(value) or b"").decode()
    return text[:MOST_CHARACTERS]


def _sentence(text: str) -> str:
    """The words of a text; of a page, its title, or else its text without the tags."""
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return title[1] if title else _TAGS.sub(" ", text)
