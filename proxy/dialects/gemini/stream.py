"""Streams of content, followed as they pass: server-sent events, or one array item by item.

Each event is an answer with the next parts. There is no event for the end; the last one of each
candidate says why it stopped. https://ai.google.dev/api/generate-content, GenerateContentResponse
"""

from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.core.headers import Headers
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.follow import STREAM_STATUS, Follower, ServerSent, content_type
from proxy.dialects.frames import Event
from proxy.dialects.gemini import errors
from proxy.dialects.gemini.items import Untold
from proxy.dialects.gemini.usage import usage_in
from proxy.dialects.objects import object_in

_LEAST = frozenset(("text", "thought", "thoughtSignature"))
"""What a part may have without being worth anything: a text may be empty."""


def is_stream(headers: Headers) -> bool:
    return content_type(headers) == "text/event-stream"


def reader(operation: Operation, headers: Headers, streamed: bool) -> Follower | None:
    """Who follows an answer with these headers; None where there is no stream, or a shut one. That
    a plain JSON array is a stream is known only where one was asked for (`streamed`)."""
    coding = coding_of(headers)
    if operation is not Operation.CHAT or coding is Coding.OPAQUE:
        return None
    opener = None if coding is Coding.PLAIN else Opener(coding)
    if is_stream(headers):
        return Follower(Events(), ServerSent(left_out=b""), opener)
    return untold(opener) if streamed else None


def untold(opener: Opener | None = None) -> Follower:
    """Who follows a stream of whichever form."""
    framing = Untold()
    return Follower(Closed(framing), framing, opener)


class Events:
    """What the events of one stream come to. See `proxy.dialects.follow.Reading`."""

    __slots__ = ("_begun", "_refused", "_stopped", "done", "failure", "usage", "useful")

    def __init__(self) -> None:
        self.useful = False
        self.done = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self._refused = False
        self._begun: set[str] = set()  # candidates, by index
        self._stopped: set[str] = set()

    @property
    def finished(self) -> bool:
        return self._refused or (bool(self._stopped) and self._stopped >= self._begun)

    def again(self) -> "Events":
        return Events()

    def tells(self, piece: bytes) -> bool:
        """Nearly all events have the usage so far, so that there is little to pass over."""
        return True

    def take(self, event: Event) -> None:
        said = object_in(event.data)
        if event.name == b"error" or (said is not None and said.get("error")):
            words = said or {"message": event.data.decode("utf-8", "replace")}
            self.failure = errors.failure_inside(words, STREAM_STATUS)
        elif said is not None:
            self.usage = usage_in(said) or self.usage
            candidates = said.get("candidates")
            if not candidates and is_blocked(said):  # which is an answer, and all of it
                self.useful = self._refused = True
            for candidate in candidates if isinstance(candidates, list) else ():
                if isinstance(candidate, dict):
                    self._choose(candidate)

    def take_head(self, head: bytes) -> None:
        said = object_in(head)
        if said is not None and said.get("error"):
            self.failure = errors.failure_inside(said, STREAM_STATUS)

    def _choose(self, candidate: dict[str, Any]) -> None:
        index = str(candidate.get("index") or 0)
        self._begun.add(index)
        if candidate.get("finishReason"):
            self.useful = True
            self._stopped.add(index)
        elif not self.useful:
            content = candidate.get("content")
            parts = content.get("parts") if isinstance(content, dict) else None
            self.useful = isinstance(parts, list) and any(map(_worth, parts))


class Closed(Events):
    """The same of what may be an array, which nobody can read before its last bracket."""

    __slots__ = ("_framing",)

    def __init__(self, framing: Untold) -> None:
        super().__init__()
        self._framing = framing

    @property
    def finished(self) -> bool:
        return super().finished and self._framing.closed


def is_blocked(answer: dict[str, Any]) -> bool:
    """Whether the prompt was refused, so that there is no candidate to come
    (https://ai.google.dev/api/generate-content, PromptFeedback)."""
    feedback = answer.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))


def _worth(part: Any) -> bool:
    return isinstance(part, dict) and (bool(part.get("text")) or not _LEAST.issuperset(part))
