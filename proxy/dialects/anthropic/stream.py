"""Streams of messages and old text completions, followed as they pass.

message_start  (content_block_start  content_block_delta...  content_block_stop)...
message_delta {stop_reason, usage}  message_stop          ping anywhere, error at any time

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.anthropic import errors
from proxy.dialects.anthropic.usage import usage_in
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.follow import STREAM_STATUS, Follower, ServerSent, content_type
from proxy.dialects.frames import Event
from proxy.dialects.objects import object_in

STREAMED = (Operation.CHAT, Operation.COMPLETIONS)


def is_stream(headers: Headers) -> bool:
    return content_type(headers) == "text/event-stream"


def reader(operation: Operation, headers: Headers) -> Follower | None:
    """Who follows an answer with these headers; None where there is no stream, or a shut one."""
    coding = coding_of(headers)
    if operation not in STREAMED or not is_stream(headers) or coding is Coding.OPAQUE:
        return None
    return follower(None if coding is Coding.PLAIN else Opener(coding))


def follower(opener: Opener | None = None) -> Follower:
    return Follower(Events(), ServerSent(), opener)


class Events:
    """What the events of one stream come to. See `proxy.dialects.follow.Reading`."""

    __slots__ = ("_used", "done", "failure", "finished", "usage", "useful")

    def __init__(self) -> None:
        self.useful = False
        self.done = False
        self.finished = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self._used: dict[str, Any] = {}

    def again(self) -> "Events":
        return Events()

    def tells(self, piece: bytes) -> bool:
        """All but blocks and pings. Within words quotes are escaped and these are not keys, but to
        read an event too many does no harm."""
        find = piece.find
        return find(b"error") >= 0 or find(b"message_") >= 0 or find(b"stop_reason") >= 0

    def take(self, event: Event) -> None:
        said = object_in(event.data)
        if event.name == b"error" or (said is not None and said.get("error")):
            words = said or {"message": event.data.decode("utf-8", "replace")}
            self.failure = errors.failure_inside(words, STREAM_STATUS)
            return
        match said.get("type") if said is not None else None, said:
            case "message_start", {"message": dict(message)}:
                self._use(message.get("usage"))
            case "content_block_start", {"content_block": dict(block)}:
                # A text that is still to come is none. Thinking may be kept to itself, so that its
                # beginning is all that shows of it for minutes.
                self.useful |= block.get("type") != "text" or bool(block.get("text"))
            case "content_block_delta", {"delta": dict(delta)}:
                self.useful |= any(value for name, value in delta.items() if name != "type")
            case "message_delta", {"delta": dict(delta)}:
                assert said is not None  # it has a delta
                self._use(said.get("usage"))
                self._stop(delta.get("stop_reason"))
            case "message_stop", _:
                self.done = self.useful = True
            case "completion", dict(completion):
                self.useful |= bool(completion.get("completion"))
                self._stop(completion.get("stop_reason"))

    def take_head(self, head: bytes) -> None:
        said = object_in(head)
        if said is not None and said.get("error"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def _use(self, used: Any) -> None:
        """The last word on each count is the right one."""
        if isinstance(used, dict):
            self._used.update((name, count) for name, count in used.items() if count is not None)
            self.usage = usage_in({"usage": self._used})

    def _stop(self, reason: Any) -> None:
        if reason:
            self.useful = self.finished = True
