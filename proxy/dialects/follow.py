"""Streams followed as they pass: what is the same whatever an API's events mean.

bytes -> opened -> is it a stream at all? -> cut into events -> Reading: what do they come to?
"""

from typing import Protocol

from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.coding import Opener
from proxy.dialects.frames import Event, Frames, first_event, whole_events
from proxy.dialects.legible import LEFT_OUT, legible

MOST_HEAD_BYTES = 32 * 1024
"""Of a body that is no stream: enough for any error, which is all that it can be good for."""
STREAM_STATUS = 200
_BLANK = b"\xef\xbb\xbf \t\r\n"


class Reading(Protocol):
    """What the events of one stream come to, so far. `again` is a new one."""

    useful: bool
    done: bool
    failure: Failure | None
    usage: UsageSeen | None

    @property
    def finished(self) -> bool:
        """Whether it said that it is, be it by its end or by its reason to stop."""
        ...

    def again(self) -> "Reading": ...

    def take(self, event: Event) -> None: ...

    def tells(self, piece: bytes) -> bool:
        """Whether `piece` of the stream may hold more than the next words."""
        ...

    def take_head(self, head: bytes) -> None:
        """`head` is what came without an end, and maybe no stream at all: `failure` is set where it
        is an error."""
        ...


class Framing(Protocol):
    """Cuts a stream into events, fed in any chunking. `again` is a new one."""

    def again(self) -> "Framing": ...

    @property
    def overflowed(self) -> bool:
        """An event grew beyond bounds: nothing more is found."""
        ...

    @property
    def idle(self) -> bool: ...

    @property
    def rest(self) -> bytes: ...

    def feed(self, chunk: bytes) -> list[Event]: ...

    def begins(self, start: bytes) -> bool:
        """Whether a stream can begin with the byte `start`."""
        ...

    def boundary(self, chunk: bytes) -> int:
        """See `proxy.dialects.dialect.StreamReader`."""
        ...

    def first(self, chunk: bytes, at: int) -> int:
        """The place after the first event of `chunk` from `at` on; 0 when none ends for sure."""
        ...


class ServerSent(Frames):
    """Server-sent events. `left_out` is what stands where one is left out; Google's clients take no
    comment."""

    __slots__ = ("left_out",)

    def __init__(self, left_out: bytes = LEFT_OUT) -> None:
        super().__init__()
        self.left_out = left_out

    def again(self) -> "ServerSent":
        return ServerSent()

    def begins(self, start: bytes) -> bool:
        """No field of an event begins like JSON or a page."""
        return start not in (b"{", b"[", b"<")

    def boundary(self, chunk: bytes) -> int:
        return whole_events(chunk)

    def first(self, chunk: bytes, at: int) -> int:
        return first_event(chunk, at)


def content_type(headers: Headers) -> str:
    """The media type without its parameters, lower-case; empty where there is none."""
    return (headers.get("content-type") or "").partition(";")[0].strip().lower()


class Follower:
    """Follows one stream. See `proxy.dialects.dialect.StreamReader`.

    Before the first useful chunk every event is read; after it only those that may tell of an
    error, an end or the usage, because a stream has hundreds and this is run for each.
    """

    __slots__ = ("_framing", "_head", "_opener", "_reading", "done", "failure", "usage", "useful")

    def __init__(self, reading: Reading, framing: Framing, opener: Opener | None = None) -> None:
        self.useful = False
        self.failure: Failure | None = None
        self.usage: UsageSeen | None = None
        self.done = False
        self._reading = reading
        self._framing = framing
        self._opener = opener
        self._head: bytes | None = b""  # what came while it may still be no stream at all

    def feed(self, chunk: bytes) -> None:
        if self.done or self.failure is not None:
            return
        if self._opener is not None:
            chunk = self._opened(self._opener, chunk)
        if self._head is not None:
            chunk = self._begun(self._head + chunk)
        elif (
            self.useful
            and self._framing.idle
            and not self._reading.tells(chunk)
            and self._framing.boundary(chunk) == len(chunk)
        ):
            return
        for event in self._framing.feed(chunk):
            self._take(event)
        if self._framing.overflowed and self.failure is None:
            self._fail(FailureKind.MALFORMED, "it sent an event without end")

    def finish(self) -> Failure | None:
        """None when the stream told its end, or why it stopped; else `broken_stream`, or what is
        wrong with bytes that were no stream."""
        if self.failure is not None or self.finished or self._blind:
            return self.failure
        left = self._framing.rest if self._head is None else self._head
        if left.lstrip(_BLANK)[:1] == b"{":
            self._reading.take_head(left)
            self.failure, self.usage = self._reading.failure, self._reading.usage
        if self.failure is not None or self.finished:
            return self.failure
        if self._head is None:
            self._fail(FailureKind.BROKEN_STREAM, "its stream ended before it was finished")
        elif not self._head.strip(_BLANK):
            self._fail(FailureKind.BROKEN_STREAM, "its stream ended before it began")
        else:
            self._fail(FailureKind.MALFORMED, "it promised a stream and sent something else")
        return self.failure

    def boundary(self, chunk: bytes) -> int:
        """All of `chunk` where it is compressed: events cannot be told apart then, and nothing
        readable could be put between them."""
        return len(chunk) if self._opener is not None else self._framing.boundary(chunk)

    def sound(self, chunk: bytes) -> int:
        """Of a compressed stream, all of it: see `boundary`."""
        if self._opener is not None:
            return len(chunk)
        at, reading = 0, self._reading.again()
        while end := self._framing.first(chunk, at):
            for event in self._framing.again().feed(chunk[at:end]):
                if event.name == b"error" or reading.tells(event.data):
                    reading.take(event)
            if reading.failure is not None:
                return at
            at = end
        return len(chunk)

    def legible(self, chunk: bytes) -> bytes:
        """Of a compressed stream, and in other framings, all of it."""
        framing = self._framing
        if self._opener is not None or not isinstance(framing, ServerSent):
            return chunk
        return legible(chunk, framing.left_out)

    @property
    def finished(self) -> bool:
        return self.done or self._reading.finished

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
        if start and self._framing.begins(start):
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
        reading = self._reading
        if self.useful and event.name != b"error" and not reading.tells(event.data):
            return
        reading.take(event)
        self.useful = self.useful or reading.useful
        self.done, self.failure, self.usage = reading.done, reading.failure, reading.usage

    def _fail(self, kind: FailureKind, message: str) -> None:
        self.failure = Failure(kind, message, status=STREAM_STATUS)
