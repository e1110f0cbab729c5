"""What an error body says, whichever of the shapes of this family it has.

    {"error": {"message", "type", "code", "param"}}        OpenAI, Azure, Groq, DeepSeek, ...
    {"error": "...", "code": "..."}                        xAI, Hugging Face
    {"message", "type", "code"}  or  {"detail"}            Mistral, Cerebras, Voyage
    [{"error": {...}}]                                     Gemini
    text, or a page of HTML                                every gateway in front of them

Content types lie (JSON as octet-stream, text as JSON), so only the bytes are asked.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_TAGS = re.compile(r"(?s)<[^>]{0,500}>")
MOST_CHARACTERS = 4096
"""Of an error's words: whatever it is about stands at its beginning, and phrases are looked for in
all of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """An error's own words. `codes` has every code of it, the outermost first; `status` what the
    body says of the status, which in a 200 and in a stream is the only one."""

    message: str = ""
    type: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None


def said(body: bytes) -> Said:
    """What an error answer with this body says. Any bytes will do; the least is nothing."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Said(message=_sentence(body[:MOST_CHARACTERS].decode("utf-8", "replace")))
    if isinstance(found, list) and found:
        found = found[0]
    return said_in(found) if isinstance(found, dict) else Said(message=_text(found))


def said_in(document: dict[str, Any]) -> Said:
    """What an error in a JSON object says; `document` is all of the body, or of an event's data."""
    error = document.get("error")
    if isinstance(error, dict):
        inner = error
    elif error:
        inner = {"message": error, "type": document.get("type"), "code": document.get("code")}
    else:
        inner = document
    cause = inner.get("innererror")  # Azure says the true reason there
    codes = [inner.get("code"), inner.get("error_code")]
    codes.append(cause.get("code") if isinstance(cause, dict) else None)
    return Said(
        message=_text(inner.get("message") or inner.get("detail") or _cause(inner)),
        type=_text(inner.get("type")),
        codes=tuple(str(code) for code in codes if isinstance(code, str | int) and code),
        status=_status(inner.get("status_code"), inner.get("status"), *codes),
    )


def _status(*named: Any) -> int | None:
    for value in named:
        text = str(value) if isinstance(value, int | str) else ""
        if len(text) == 3 and text.isascii() and text.isdigit() and 400 <= int(text) < 600:
            return int(text)
    return None


def _cause(inner: dict[str, Any]) -> Any:
    metadata = inner.get("metadata")  # OpenRouter repeats there what its provider said
    return metadata.get("raw") if isinstance(metadata, dict) else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text[:MOST_CHARACTERS]


def _sentence(text: str) -> str:
    """The words of a text; of a page, its title, or else its text without the tags."""
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return title[1] if title else _TAGS.sub(" ", text)
