"""How a stream that broke is gone on with: what it said, and where another takes up its text."""

from typing import Any

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.anthropic.piece import PIECES
from proxy.dialects.anthropic.stream import STREAMED, is_stream
from proxy.dialects.coding import Coding, coding_of
from proxy.dialects.objects import json_of, object_in
from proxy.dialects.openai.seam import Seam
from proxy.dialects.openai.teller import Teller


def teller(operation: Operation, headers: Headers) -> Teller | None:
    """Who follows the text of such an answer. None where it is no stream of text, or compressed:
    what somebody else says could not be put behind it."""
    if operation in STREAMED and is_stream(headers) and coding_of(headers) is Coding.PLAIN:
        return Teller(PIECES)
    return None


def seam(operation: Operation, headers: Headers, said: str, *, continues: bool) -> Seam | None:
    """Who joins such an answer to `said`; None where it is no stream of text, or compressed."""
    if teller(operation, headers) is None:
        return None
    return Seam(said, continues=continues, pieces=PIECES)


def prefilled(operation: Operation, body: bytes, said: str) -> bytes | None:
    """The request with `said` as the assistant's own last words
    (https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response).
    None where Anthropic takes none: words that end with a space, a request for thinking; or where
    the last message is the assistant's already and more than a text."""
    asked = object_in(body)
    if asked is None or not said or said[-1].isspace():
        return None
    if operation is Operation.COMPLETIONS and isinstance(asked.get("prompt"), str):
        return json_of({**asked, "prompt": asked["prompt"] + said})
    if operation is not Operation.CHAT or _thinks(asked.get("thinking")):
        return None
    messages = _with_last_words(asked.get("messages"), said)
    return None if messages is None else json_of({**asked, "messages": messages})


def _thinks(asked: Any) -> bool:
    return isinstance(asked, dict) and asked.get("type") != "disabled"


def _with_last_words(messages: Any, said: str) -> list[Any] | None:
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return None
    last = messages[-1]
    if last.get("role") != "assistant":
        return [*messages, {"role": "assistant", "content": said}]
    begun = last.get("content")  # the app had put words into its mouth already
    return [*messages[:-1], {**last, "content": begun + said}] if isinstance(begun, str) else None
