"""Responses: why an answer is no good, and its streams, followed as they pass.

created  in_progress  (output_item.added  ...delta  ...done  output_item.done)...
completed | incomplete | failed                           error at any time, no [DONE]

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from typing import Any

from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.follow import STREAM_STATUS
from proxy.dialects.frames import Event
from proxy.dialects.objects import object_in
from proxy.dialects.openai import errors
from proxy.dialects.openai.usage import usage_in

_ENDS = frozenset(("response.completed", "response.incomplete"))
_WORTH_NOTHING = frozenset(
    ("response.created", "response.queued", "response.in_progress", "response.content_part.added")
)
"""Events that tell of the answer's life and not of its content."""
_TELLING = (
    b'"response.completed"',
    b'"response.incomplete"',
    b'"response.failed"',
    b'"error"',
    b"event: error",
)


def keeps(asked: dict[str, Any]) -> bool:
    """Whether the provider is asked to keep what it answers, which it does unless told not to, or
    to go on by itself: asked twice, it would do so twice."""
    alone = asked.get("background") is True or bool(asked.get("conversation"))
    return alone or asked.get("store") is not False


def failure_in(answer: dict[str, Any], status: int) -> Failure | None:
    """The failure that an answer is, by its own word; None where it is none."""
    if answer.get("status") != "failed" and not answer.get("error"):
        return None
    return errors.failure_inside({"error": answer.get("error") or {}}, status)


class Reading:
    """What the events of one stream come to. See `proxy.dialects.follow.Reading`."""

    __slots__ = ("done", "failure", "finished", "usage", "useful")

    def __init__(self) -> None:
        self.useful = False
        self.done = False
        self.finished = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None

    def again(self) -> "Reading":
        return Reading()

    def tells(self, piece: bytes) -> bool:
        return any(piece.find(word) >= 0 for word in _TELLING)

    def take_head(self, head: bytes) -> None:
        said = object_in(head)
        if said is not None and said.get("error"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def take(self, event: Event) -> None:
        said = object_in(event.data)
        if said is None:
            if event.name == b"error":
                words = event.data.decode("utf-8", "replace")
                self.failure = errors.failure_inside({"message": words}, STREAM_STATUS)
            return
        kind, answer = said.get("type"), said.get("response")
        if kind == "response.failed" and isinstance(answer, dict):
            self.failure = failure_in({**answer, "status": "failed"}, STREAM_STATUS)
        elif kind == "error" or event.name == b"error" or said.get("error"):
            self.failure = errors.failure_inside(_untyped(said), STREAM_STATUS)
        elif kind in _ENDS:
            self.usage = usage_in(answer) if isinstance(answer, dict) else None
            self.useful = self.finished = self.done = True
        elif not self.useful:
            self.useful = _is_useful(kind, said)


def _untyped(said: dict[str, Any]) -> dict[str, Any]:
    """Its type says that it is an error, and nothing of which one."""
    return {name: value for name, value in said.items() if name != "type" or value != "error"}


def _is_useful(kind: Any, said: dict[str, Any]) -> bool:
    if kind == "response.output_item.added":  # a message is still empty; others tell what is done
        item = said.get("item")
        return isinstance(item, dict) and item.get("type") != "message"
    if isinstance(kind, str) and kind.endswith(".delta"):
        return bool(said.get("delta"))
    return isinstance(kind, str) and kind.startswith("response.") and kind not in _WORTH_NOTHING
