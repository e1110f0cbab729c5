"""Streams of chat, followed as they pass.

v2  message-start  (content-start  content-delta...  content-end)...  tool-...  message-end  [DONE]
v1  stream-start  text-generation...  stream-end            JSON a line; events on request
"""

from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.cohere import errors
from proxy.dialects.cohere.usage import usage_in
from proxy.dialects.follow import (
    STREAM_STATUS,
    Follower,
    Framing,
    ServerSent,
    content_type,
)
from proxy.dialects.frames import Event
from proxy.dialects.lines import Lines
from proxy.dialects.objects import object_in

_STREAMED = (Operation.CHAT, Operation.COMPLETIONS)
_LINES = frozenset(("application/stream+json", "application/x-ndjson"))
_EVENTS = "text/event-stream"
_WORTH_NOTHING = frozenset(
    ("message-start", "content-start", "content-end", "stream-start", "debug", "citation-end")
)
_TELLING = (b'"message-end"', b'"stream-end"', b'"finish_reason"', b"[DONE]", b"event: error")


def framing_of(headers: Headers) -> Framing | None:
    """How a stream with these headers is cut; None where it is no stream."""
    kind = content_type(headers)
    if kind in _LINES:
        return Lines()
    return ServerSent() if kind == _EVENTS else None


def reader(operation: Operation, headers: Headers) -> Follower | None:
    """Who follows an answer with these headers; None where there is no stream, or a shut one."""
    framing = framing_of(headers)
    if framing is None or operation not in _STREAMED:
        return None
    coding = coding_of(headers)
    if coding is Coding.OPAQUE:
        return None
    opener = None if coding is Coding.PLAIN else Opener(coding)
    return Follower(Reading(), framing, opener)


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
        """A line that came without its end may be the last one all the same."""
        said = object_in(head)
        if said is None:
            return
        if "event_type" in said or "type" in said:
            self._take(said)
        elif said.get("message"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def take(self, event: Event) -> None:
        if event.data.startswith(b"[DONE]"):
            self.done = self.finished = True
            return
        said = object_in(event.data)
        if event.name == b"error":
            words = said or {"message": event.data.decode("utf-8", "replace")}
            self.failure = errors.failure_inside(words, STREAM_STATUS)
        elif said is not None:
            self._take(said)

    def _take(self, said: dict[str, Any]) -> None:
        kind = said.get("type") or said.get("event_type")
        if kind == "message-end":
            delta = said.get("delta")
            self._end(delta if isinstance(delta, dict) else {})
        elif kind == "stream-end":
            whole = said.get("response")
            self._end({**(whole if isinstance(whole, dict) else {}), **said})
            self.done = True  # nothing says so, but nothing follows
        elif kind is None and said.get("message"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)
        elif kind not in _WORTH_NOTHING and not self.useful:
            self.useful = _says_something(kind, said)

    def _end(self, said: dict[str, Any]) -> None:
        reason = said.get("finish_reason")
        self.failure = errors.failure_at_end(reason, said.get("error"), STREAM_STATUS)
        self.usage = usage_in(said) or self.usage
        self.useful = self.finished = self.failure is None


def _says_something(kind: Any, said: dict[str, Any]) -> bool:
    """Whether an event has a word, a thought, or the beginning of a call."""
    if kind == "text-generation":
        return bool(said.get("text"))
    if kind != "content-delta":
        return True
    match said:
        case {"delta": {"message": {"content": dict(content)}}}:
            return any(content.values())
    return False
