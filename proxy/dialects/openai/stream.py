"""Streams of chat completions and completions, followed as they pass."""

from typing import Any

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.follow import Follower, ServerSent
from proxy.dialects.frames import Event, Frames, first_event, whole_events
from proxy.dialects.objects import object_in
from proxy.dialects.openai import errors
from proxy.dialects.openai.responses import Reading
from proxy.dialects.openai.usage import usage_in

STREAMED = (Operation.CHAT, Operation.COMPLETIONS)
"""Whose streams are of choices."""
_FOLLOWED = (*STREAMED, Operation.RESPONSES)
_STATUS = 200
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
_ENDS = (b"\n\n", b"\r\n\r\n")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_NO_STREAM = (b"{", b"[", b"<")
"""How bodies begin that are no events: JSON, a page. No field of an event begins so."""
MOST_HEAD_BYTES = 32 * 1024
"""Of a body that is no stream: enough for any error, which is all that it can be good for."""


def is_stream(headers: Headers) -> bool:
    kind = headers.get("content-type") or ""
    return kind.partition(";")[0].strip().lower() == "text/event-stream"


def reader(operation: Operation, headers: Headers) -> "Reader | Follower | None":
    """Who follows an answer with these headers; None where there is no stream, or a shut one."""
    if operation not in _FOLLOWED or not is_stream(headers):
        return None
    coding = coding_of(headers)
    if coding is Coding.OPAQUE:
        return None
    return reader_of(operation, None if coding is Coding.PLAIN else Opener(coding))


def reader_of(operation: Operation, opener: Opener | None = None) -> "Reader | Follower":
    """Who follows a stream of `operation`, opened by `opener` where it is compressed."""
    if operation is Operation.RESPONSES:
        return Follower(Reading(), ServerSent(), opener)
    return Reader(opener)


class Reader:
    """Follows one stream. See `proxy.dialects.dialect.StreamReader`.

    Before the first useful chunk every event is read; after it only those that may tell of an
    error, an end or the usage, because a stream has hundreds and this is run for each.
    """

    __slots__ = (
        "_finished",
        "_frames",
        "_head",
        "_opener",
        "_seen",
        "done",
        "failure",
        "usage",
        "useful",
    )

    def __init__(self, opener: Opener | None) -> None:
        self.useful = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self._opener = opener
        self._frames = Frames()
        self._head: bytes | None = b""  # what came while it may still be no stream at all
        self.done = False
        self._seen: set[str] = set()  # choices, by index
        self._finished: set[str] = set()

    def feed(self, chunk: bytes) -> None:
        if self.done or self.failure is not None:
            return
        if self._opener is not None:
            chunk = self._opened(self._opener, chunk)
        if self._head is not None:
            chunk = self._begun(self._head + chunk)
        elif self.useful and self._frames.idle and chunk.endswith(_ENDS) and not _telling(chunk):
            return
        for event in self._frames.feed(chunk):
            self._take(event)
        if self._frames.overflowed and self.failure is None:
            self._fail(FailureKind.MALFORMED, "it sent an event without end")

    def finish(self) -> Failure | None:
        """None when the stream told its end ([DONE], or why it stopped); else `broken_stream`, or
        what is wrong with bytes that were no stream."""
        if self.failure is not None or self.finished or self._blind:
            return self.failure
        if self._head is None:
            self._fail(FailureKind.BROKEN_STREAM, "its stream ended before it was finished")
        elif not self._head.strip(_BLANK):
            self._fail(FailureKind.BROKEN_STREAM, "its stream ended before it began")
        else:
            said = object_in(self._head)
            if said is not None and said.get("error"):
                self.failure = errors.failure_inside(said, _STATUS)
            else:
                self._fail(FailureKind.MALFORMED, "it promised a stream and sent something else")
        return self.failure

    def boundary(self, chunk: bytes) -> int:
        """All of `chunk` where it is compressed: events cannot be told apart then, and nothing
        readable could be put between them."""
        return len(chunk) if self._opener is not None else whole_events(chunk)

    def sound(self, chunk: bytes) -> int:
        """Of a compressed stream, all of it: see `boundary`."""
        if self._opener is not None:
            return len(chunk)
        at, probe = 0, Reader(None)
        probe._head, probe.useful = None, True
        while end := first_event(chunk, at):
            probe.feed(chunk[at:end])
            if probe.failure is not None:
                return at
            at = end
        return len(chunk)

    @property
    def finished(self) -> bool:
        return self.done or (bool(self._finished) and self._finished >= self._seen)

    @property
    def _blind(self) -> bool:
        return self._opener is not None and self._opener.shut

    def _opened(self, opener: Opener, chunk: bytes) -> bytes:
        try:
            chunk = opener.feed(chunk)
        except Failure as broken:
            self._fail(broken.kind, broken.message)
            return b""
        if opener.shut:
            self.useful = True  # whatever it is, it cannot be waited for
        return chunk

    def _begun(self, head: bytes) -> bytes:
        """`head` once it is known to be a stream; nothing while it is not."""
        start = head.lstrip(_BLANK)[:1]
        if start and start not in _NO_STREAM:
            self._head = None
            return head
        self._head = head
        if start == b"<":
            self._fail(FailureKind.MALFORMED, "it promised a stream and sent a page")
        elif len(head) > MOST_HEAD_BYTES:
            self._fail(FailureKind.MALFORMED, "it promised a stream and sent something else")
        return b""

    def _take(self, event: Event) -> None:
        if self.done or self.failure is not None:
            return
        if event.data.startswith(b"[DONE]"):
            self.done = True
            return
        is_error = event.name == b"error"
        if self.useful and not is_error and not _telling(event.data):
            return
        said = object_in(event.data)
        if is_error or (said is not None and said.get("error")):
            words = said or {"message": event.data.decode("utf-8", "replace")}
            self.failure = errors.failure_inside(words, _STATUS)
        elif said is not None:
            self.usage = usage_in(said) or self.usage
            choices = said.get("choices")
            for choice in choices if isinstance(choices, list) else ():
                if isinstance(choice, dict):
                    self._choose(choice)

    def _choose(self, choice: dict[str, Any]) -> None:
        finish, index = choice.get("finish_reason"), str(choice.get("index", 0))
        self._seen.add(index)
        if finish and finish != "error":  # OpenRouter's word for a stream that broke at its end
            self.useful = True
            self._finished.add(index)
        elif not self.useful:
            delta = choice.get("delta")
            says = [delta.get(part) for part in _WORTH] if isinstance(delta, dict) else ()
            self.useful = bool(choice.get("text")) or any(says)

    def _fail(self, kind: FailureKind, message: str) -> None:
        self.failure = Failure(kind, message, status=_STATUS)


def _telling(piece: bytes) -> bool:
    """Whether `piece` of a stream may hold more than the next words. Within a JSON text quotes are
    escaped, so words that an answer is about are not taken for keys; OpenAI repeats keys that it
    has no value for yet, so `null` tells nothing."""
    find, count = piece.find, piece.count  # twice as fast as `in`, which tries for a number first
    return (
        find(b'"error"') >= 0
        or find(b"[DONE]") >= 0
        or find(b"event:") >= 0
        or count(b'"finish_reason"') != count(b'"finish_reason":null')
        or count(b'"usage"') != count(b'"usage":null')
        or count(b'"index":') != count(b'"index":0')
    )
