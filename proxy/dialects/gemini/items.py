"""Streams without `alt=sse`: one JSON array that is sent item by item, under a content type that
says nothing of it.

[{"candidates": ...}
,
{"candidates": ...}
]
"""

import re

from proxy.dialects.follow import ServerSent
from proxy.dialects.frames import MOST_HELD_BYTES, Event

_OUTSIDE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_OPENS, _CLOSES = b"{[", b"}]"


class Items:
    """Cuts an array into its objects, fed in any chunking; an object alone is one, too. Feeding
    costs what the chunk is long. See `proxy.dialects.follow.Framing`."""

    __slots__ = ("_at", "_depth", "_held", "_listed", "_quoted", "_start", "ended", "overflowed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0  # how far it was looked at
        self._start = 0  # of the item that is open
        self._depth = 0  # of brackets, within an item
        self._quoted = False
        self._listed = False
        self.ended = False
        self.overflowed = False

    def again(self) -> "Items":
        return Items()

    @property
    def idle(self) -> bool:
        return False  # there is no telling without looking

    @property
    def closed(self) -> bool:
        """Nothing is open: the array ended, or there never was one and its only object did."""
        return self.ended or (not self._listed and self._depth == 0)

    @property
    def rest(self) -> bytes:
        """What came since the last item ended."""
        return bytes(self._held[self._start :])

    def begins(self, start: bytes) -> bool:
        return start in (b"[", b"{")

    def boundary(self, chunk: bytes) -> int:
        """All of it: nothing that an app could read would fit between two items."""
        return len(chunk)

    def first(self, chunk: bytes, at: int) -> int:
        """None: see `boundary`."""
        return 0

    def feed(self, chunk: bytes) -> list[Event]:
        """The items that end in `chunk`."""
        if self.overflowed or self.ended:
            return []
        self._held += chunk
        found: list[Event] = []
        while not self.ended and self._step(found):
            pass
        del self._held[: self._start]
        self._at -= self._start
        self._start = 0
        if len(self._held) > MOST_HELD_BYTES:
            self._held.clear()
            self.overflowed = True
        return found

    def _step(self, found: list[Event]) -> bool:
        """Look as far as the next mark that means something; False where there is none yet."""
        mark = (_IN_STRING if self._quoted else _OUTSIDE).search(self._held, self._at)
        if mark is None:
            self._at = max(self._at, len(self._held))
            if self._depth == 0:
                self._start = len(self._held)
            return False
        sign, self._at = mark[0], mark.end()
        if sign == b"\\":
            self._at += 1  # whatever it is, it ends nothing; it may be still to come
        elif sign == b'"':
            self._quoted = not self._quoted
        elif self._depth == 0:
            self._begin(sign, mark.start())
        elif sign in _OPENS:
            self._depth += 1
        else:
            self._close(found)
        return True

    def _begin(self, sign: bytes, at: int) -> None:
        if sign == b"{":
            self._depth, self._start = 1, at
        elif sign == b"[":
            self._listed = True
        elif sign == b"]" and self._listed:
            self.ended = True
            self._start = self._at

    def _close(self, found: list[Event]) -> None:
        self._depth -= 1
        if self._depth == 0:
            found.append(Event(b"", bytes(self._held[self._start : self._at])))
            self._start = self._at


class Untold:
    """What a stream is whose headers do not tell: an array, or events all the same. Its first byte
    decides. See `proxy.dialects.follow.Framing`."""

    __slots__ = ("_framing", "_items")

    def __init__(self) -> None:
        self._items = Items()
        self._framing: Items | ServerSent = self._items

    @property
    def overflowed(self) -> bool:
        return self._framing.overflowed

    @property
    def closed(self) -> bool:
        """Nothing is open that would make what came so far unreadable."""
        return self._framing is not self._items or self._items.closed

    def again(self) -> "Untold":
        return Untold()

    @property
    def idle(self) -> bool:
        return self._framing.idle

    @property
    def rest(self) -> bytes:
        return self._framing.rest

    def begins(self, start: bytes) -> bool:
        """Whether a stream can begin with `start`; asked once, before anything is fed."""
        if not self._items.begins(start):
            self._framing = ServerSent()
        return self._framing.begins(start)

    def feed(self, chunk: bytes) -> list[Event]:
        return self._framing.feed(chunk)

    def boundary(self, chunk: bytes) -> int:
        return self._framing.boundary(chunk)

    def first(self, chunk: bytes, at: int) -> int:
        return self._framing.first(chunk, at)
