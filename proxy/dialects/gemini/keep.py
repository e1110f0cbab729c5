"""Which good answers are ones to keep for others: finished, not cut short, no refusal."""

from typing import Any

import orjson

from proxy.core.call import Operation
from proxy.core.headers import Headers
from proxy.dialects.coding import Beginning, readable
from proxy.dialects.frames import Frames
from proxy.dialects.judging import MOST_PARSED_BYTES, first_sign, is_object
from proxy.dialects.objects import object_in

_FINISHED = "STOP"
"""`MAX_TOKENS`, `SAFETY`, `RECITATION` and the rest are answers too, but the next caller may have
better luck."""
MOST_STREAMED_BYTES = 2 * MOST_PARSED_BYTES
"""Of a stream: 9 ms."""
_VECTORS = ("embedding", "embeddings", "predictions")


def whole(operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
    """Whether a good answer is one to keep. What cannot be looked into never is."""
    plain = readable(headers, body)
    if plain is None:
        return False
    if operation is Operation.EMBEDDINGS:
        return _vectors_are_whole(plain)
    return operation is Operation.CHAT and _all_finished(_answers_in(plain, streamed))


def _vectors_are_whole(plain: bytes) -> bool:
    if len(plain) > MOST_PARSED_BYTES:
        return is_object(Beginning(plain, True)) and plain.find(b'"error"') < 0
    answer = object_in(plain)
    return answer is not None and any(map(answer.get, _VECTORS)) and not answer.get("error")


def _answers_in(plain: bytes, streamed: bool) -> list[Any]:
    """The one answer, or those of a stream in either form; nothing where there is too much."""
    if len(plain) > (MOST_STREAMED_BYTES if streamed else MOST_PARSED_BYTES):
        return []
    if streamed and first_sign(plain) not in (b"[", b"{"):
        return [object_in(event.data) for event in Frames().feed(plain)]
    try:
        found = orjson.loads(plain)
    except orjson.JSONDecodeError:
        return []
    return found if isinstance(found, list) else [found]


def _all_finished(answers: list[Any]) -> bool:
    """No error in any of them, no refused prompt, and each candidate begun stopped well."""
    begun: set[str] = set()
    finished: set[str] = set()
    for said in answers:
        if not isinstance(said, dict) or said.get("error") or _refused(said):
            return False
        candidates = said.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            told = candidate if isinstance(candidate, dict) else {}
            index, reason = str(told.get("index") or 0), told.get("finishReason")
            begun.add(index)
            if reason == _FINISHED:
                finished.add(index)
            elif reason:
                return False
    return bool(begun) and begun == finished


def _refused(said: dict[str, Any]) -> bool:
    feedback = said.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))
