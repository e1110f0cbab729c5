"""Server-sent events: where one ends and the next begins (WHATWG HTML 9.2, event streams).

It only looks; the bytes that go to the app stay as they came.
"""

import re
from typing import NamedTuple

MOST_HELD_BYTES = 8 * 1024 * 1024
"""Of an event that has begun and not ended. The largest ones seen (an image in base64) stay under
6 MB; a line that never ends must not take the memory of everyone else."""

_BOM = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"[\r\n](?:(?<=\n)|\n|(?!\n))(?:\r\n|\n|\r(?!\n))")
"""Two ends of line. That it begins with one of two bytes is what makes looking for it fast."""
MOST_BLANK_BYTES = 4
"""Of such a place."""


class Event(NamedTuple):
    """What one event says. `name` is empty where the stream gave it none."""

    name: bytes
    data: bytes


class Frames:
    """Cuts a stream into events, fed in any chunking. Feeding costs what the chunk is long, however
    small the chunks. `overflowed` becomes True, for good, when an event grows beyond bounds."""

    __slots__ = ("_after_cr", "_held", "_started", "overflowed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._after_cr = False
        self._started = False
        self.overflowed = False

    @property
    def idle(self) -> bool:
        """Between two events: the next byte begins a new one."""
        return self._started and not self._held and not self._after_cr

    @property
    def rest(self) -> bytes:
        """What came since the last event ended: the beginning of one, or the words of somebody who
        knows nothing of events."""
        return bytes(self._held)

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in `chunk`. Comments, other fields and events without data are left
        out, and so is an event that the stream ends in without a blank line. Bare JSON where an
        event should be counts as one."""
        if self.overflowed:
            return []
        chunk = self._with_lf(chunk)
        held = self._held
        if held or not self._started:
            across = held[-1:] == b"\n" and chunk[:1] == b"\n"
            held += chunk
            if not self._started and not self._start():
                return []
            if not across and b"\n\n" not in chunk:
                self._bound()
                return []
            chunk = bytes(held)
            held.clear()
        blocks = chunk.split(b"\n\n")
        held += blocks.pop()
        self._bound()
        return [event for block in blocks if (event := _event(block)) is not None]

    def _with_lf(self, chunk: bytes) -> bytes:
        """`chunk` with every end of line (CR, LF, CRLF) as LF, also where CRLF was cut in two."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 10:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _start(self) -> bool:
        """Drop one byte order mark; False while there may be more of it to come."""
        if len(self._held) < len(_BOM) and _BOM.startswith(self._held):
            return False
        if self._held.startswith(_BOM):
            del self._held[: len(_BOM)]
        self._started = True
        return True

    def _bound(self) -> None:
        if len(self._held) > MOST_HELD_BYTES:
            self._held.clear()
            self.overflowed = True


def _event(block: bytes) -> Event | None:
    if block.startswith(b"data:") and b"\n" not in block:  # nearly all of them
        data = block[6:] if block[5:6] == b" " else block[5:]
        return Event(b"", data) if data else None
    name, lines = b"", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value
    if not lines and block.startswith(b"{"):  # how Google tells an error amid its events
        return Event(b"", block)
    data = b"\n".join(lines)
    return Event(name, data) if data else None


def whole_events(chunk: bytes) -> int:
    """How many bytes of `chunk`, which begins where an event does, belong to events that end in it:
    the place after its last blank line, or 0. Cheap where the chunk ends with one."""
    if chunk.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")):
        return len(chunk)
    last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1  # most lines are long
    find = chunk.rfind
    end = max(find(b"\n\n", 0, last), find(b"\n\r", 0, last), find(b"\r\r", 0, last))
    if end < 0:
        return 0
    end += 2
    if chunk[end - 1] == 13 and chunk[end : end + 1] == b"\n":
        end += 1
    return end


def first_event(chunk: bytes | bytearray, at: int = 0) -> int:
    """The place after the first event of `chunk` from `at` on, where an event begins or is known
    not to end before; 0 when none ends for sure: a CR at the very end may be half of a line's
    end."""
    blank = _BLANK_LINE.search(chunk, at)
    if blank is None:
        return 0
    end = blank.end()
    return 0 if end == len(chunk) and chunk.endswith(b"\r") else end


def comment(words: str) -> bytes:
    """A line of ours that every reader of event streams passes over, the SDKs too."""
    return b": understudy " + " ".join(words.split()).encode() + b"\n\n"


WAITING = comment("is waiting")
"""What keeps an app from giving up on a stream that is held back."""
