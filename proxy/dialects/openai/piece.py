"""What one event of a chat or completions stream adds to the answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.dialects.objects import object_in

_THINKING = ("reasoning", "reasoning_content", "reasoning_details")
_MORE = ("tool_calls", "function_call", "refusal", "audio")
_ONLY = ("0", "None")


class Piece(NamedTuple):
    """`more` says that it is more than the next words of one text: a part of a tool call, a
    refusal, sound, probabilities of tokens, another choice. `finish`: it says why the text ends."""

    text: str
    thinks: bool
    more: bool
    finish: bool


class Pieces(NamedTuple):
    """How an API's events are read as pieces, and how one gets another text."""

    of: Callable[[bytes], Piece | None]
    with_text: Callable[[dict[str, Any], str], dict[str, Any]]


def piece_of(data: bytes) -> Piece | None:
    """None where `data` adds nothing: what is no JSON object, usage, [DONE]."""
    choices = _choices(object_in(data))
    if not choices:
        return None
    choice = choices[0]
    delta = choice.get("delta")
    says = delta if isinstance(delta, dict) else {}
    text = says.get("content") if "delta" in choice else choice.get("text")
    other = str(choice.get("index")) not in _ONLY
    return Piece(
        text=text if isinstance(text, str) and not other else "",
        thinks=any(says.get(part) for part in _THINKING),
        more=(
            other
            or len(choices) > 1
            or bool(choice.get("logprobs"))
            or any(says.get(part) for part in _MORE)
            or not isinstance(text, str | None)
        ),
        finish=bool(choice.get("finish_reason")),
    )


def with_text(document: dict[str, Any], text: str) -> dict[str, Any]:
    """A copy of an event's object whose first choice adds `text` in place of its own."""
    first, *others = _choices(document)
    if "delta" in first:
        first = {**first, "delta": {**first["delta"], "content": text}}
    else:
        first = {**first, "text": text}
    return {**document, "choices": [first, *others]}


def _choices(document: dict[str, Any] | None) -> list[dict[str, Any]]:
    choices = document.get("choices") if document is not None else None
    if not isinstance(choices, list):
        return []
    return [choice for choice in choices if isinstance(choice, dict)]


PIECES = Pieces(piece_of, with_text)
