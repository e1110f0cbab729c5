"""Which good answers are ones to keep for others: finished, not cut short, no refusal."""

from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.coding import Beginning, beginning
from proxy.dialects.frames import Frames
from proxy.dialects.judging import MOST_PARSED_BYTES, is_object
from proxy.dialects.objects import object_in

_FINISHED = frozenset(("stop", "tool_calls", "function_call"))
"""`length` and `content_filter` are answers too, but the next caller may have better luck."""


def whole(operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
    """Whether a good answer is one to keep. What cannot be looked into, or would take long, never
    is; of vectors there is nothing that could hide among so many."""
    try:
        plain = beginning(headers, body)
    except Failure:
        return False
    if plain is None:
        return False
    if operation is Operation.EMBEDDINGS:
        return _vectors_are_whole(plain)
    if operation not in (Operation.CHAT, Operation.COMPLETIONS) or not plain.whole:
        return False
    return _stream_is_whole(plain.content) if streamed else _answer_is_whole(plain.content)


def _vectors_are_whole(plain: Beginning) -> bool:
    if not plain.whole or len(plain.content) > MOST_PARSED_BYTES:
        return is_object(plain) and plain.content.find(b'"embedding"') >= 0
    answer = object_in(plain.content)
    return answer is not None and bool(answer.get("data")) and not answer.get("error")


def _answer_is_whole(plain: bytes) -> bool:
    answer = object_in(plain) if len(plain) <= MOST_PARSED_BYTES else None
    if answer is None or answer.get("error"):
        return False
    choices = _choices(answer)
    return bool(choices) and all(
        choice.get("finish_reason") in _FINISHED and not _refuses(choice.get("message"))
        for choice in choices
    )


def _stream_is_whole(plain: bytes) -> bool:
    """[DONE] came, each choice that was begun was finished, and none refuses."""
    begun: set[str] = set()
    finished: set[str] = set()
    for event in Frames().feed(plain):
        if event.data.startswith(b"[DONE]"):
            return bool(begun) and begun == finished
        said = object_in(event.data)
        if said is None or said.get("error") or event.name == b"error":
            return False
        for choice in _choices(said):
            if _refuses(choice.get("delta")):
                return False
            index, finish = str(choice.get("index")), choice.get("finish_reason")
            begun.add(index)
            if finish in _FINISHED:
                finished.add(index)
            elif finish:
                return False
    return False


def _choices(said: dict[str, Any]) -> list[dict[str, Any]]:
    choices = said.get("choices")
    if not isinstance(choices, list):
        return []
    return [choice for choice in choices if isinstance(choice, dict)]


def _refuses(words: Any) -> bool:
    return isinstance(words, dict) and bool(words.get("refusal"))
