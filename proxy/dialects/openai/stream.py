"""Streams of chat completions and completions, followed as they pass."""

from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.follow import STREAM_STATUS, Follower, ServerSent, content_type
from proxy.dialects.frames import Event
from proxy.dialects.objects import object_in
from proxy.dialects.openai import errors
from proxy.dialects.openai.responses import Reading
from proxy.dialects.openai.usage import usage_in

STREAMED = (Operation.CHAT, Operation.COMPLETIONS)
"""Whose streams are of choices."""
_FOLLOWED = (*STREAMED, Operation.RESPONSES)
_WORTH = (
    "content",
    "tool_calls",
    "function_call",
    "refusal",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "audio",
)
"""Parts of a delta that are worth something to the app. Thinking counts: it shows that work is
being done."""


def is_stream(headers: Headers) -> bool:
    return content_type(headers) == "text/event-stream"


def reader(operation: Operation, headers: Headers) -> Follower | None:
    """Who follows an answer with these headers; None where there is no stream, or a shut one."""
    if operation not in _FOLLOWED or not is_stream(headers):
        return None
    coding = coding_of(headers)
    if coding is Coding.OPAQUE:
        return None
    return reader_of(operation, None if coding is Coding.PLAIN else Opener(coding))


def reader_of(operation: Operation, opener: Opener | None = None) -> Follower:
    """Who follows a stream of `operation`, opened by `opener` where it is compressed."""
    reading = Reading() if operation is Operation.RESPONSES else Choices()
    return Follower(reading, ServerSent(), opener)


class Choices:
    """What the events of one stream come to. See `proxy.dialects.follow.Reading`."""

    __slots__ = ("_finished", "_seen", "done", "failure", "usage", "useful")

    def __init__(self) -> None:
        self.useful = False
        self.done = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self._seen: set[str] = set()  # choices, by index
        self._finished: set[str] = set()

    @property
    def finished(self) -> bool:
        return bool(self._finished) and self._finished >= self._seen

    def again(self) -> "Choices":
        return Choices()

    def tells(self, piece: bytes) -> bool:
        """Within a JSON text quotes are escaped, so words that an answer is about are not taken for
        keys; OpenAI repeats keys that it has no value for yet, so `null` tells nothing."""
        find, count = piece.find, piece.count  # twice as fast as `in`, which tries a number first
        return (
            find(b'"error"') >= 0
            or find(b"[DONE]") >= 0
            or find(b"event:") >= 0
            or count(b'"finish_reason"') != count(b'"finish_reason":null')
            or count(b'"usage"') != count(b'"usage":null')
            or count(b'"index":') != count(b'"index":0')
        )

    def take_head(self, head: bytes) -> None:
        said = object_in(head)
        if said is not None and said.get("error"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def take(self, event: Event) -> None:
        if event.data.startswith(b"[DONE]"):
            self.done = True
            return
        said = object_in(event.data)
        if event.name == b"error" or (said is not None and said.get("error")):
            words = said or {"message": event.data.decode("utf-8", "replace")}
            self.failure = errors.failure_inside(words, STREAM_STATUS)
        elif said is not None:
            self.usage = usage_in(said) or self.usage
            choices = said.get("choices")
            for choice in choices if isinstance(choices, list) else ():
                if isinstance(choice, dict):
                    self._choose(choice)

    def _choose(self, choice: dict[str, Any]) -> None:
        finish, index = choice.get("finish_reason"), str(choice.get("index", 0))
        self._seen.add(index)
        if finish == errors.FAILED:
            self.failure = errors.failure_inside(choice, STREAM_STATUS)
        elif finish:
            self.useful = True
            self._finished.add(index)
        elif not self.useful:
            delta = choice.get("delta")
            says = [delta.get(part) for part in _WORTH] if isinstance(delta, dict) else ()
            self.useful = bool(choice.get("text")) or any(says)
