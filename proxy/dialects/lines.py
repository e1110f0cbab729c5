"""Streams of JSON texts, one a line (https://github.com/ndjson/ndjson-spec).

It only looks; the bytes that go to the app stay as they came.
"""

from proxy.dialects.frames import MOST_HELD_BYTES, Event


class Lines:
    """Cuts a stream into lines, each an event without a name; see `proxy.dialects.follow.Framing`.
    Feeding costs what the chunk is long, however small the chunks."""

    __slots__ = ("_held", "overflowed")

    def __init__(self) -> None:
        self._held = bytearray()
        self.overflowed = False

    def again(self) -> "Lines":
        return Lines()

    @property
    def idle(self) -> bool:
        """Between two lines: the next byte begins a new one."""
        return not self._held

    @property
    def rest(self) -> bytes:
        """A line without its end, as the last one may be."""
        return bytes(self._held)

    def begins(self, start: bytes) -> bool:
        return start == b"{"

    def feed(self, chunk: bytes) -> list[Event]:
        """The lines that end in `chunk` and are not blank."""
        if self.overflowed:
            return []
        *whole, rest = chunk.split(b"\n")
        if whole and self._held:
            whole[0] = bytes(self._held) + whole[0]
            self._held.clear()
        self._held += rest
        if len(self._held) > MOST_HELD_BYTES:
            self._held.clear()
            self.overflowed = True
        return [Event(b"", line) for line in whole if line.strip()]

    def boundary(self, chunk: bytes) -> int:
        """How many bytes of `chunk`, which begins where a line does, are whole lines."""
        return chunk.rfind(b"\n") + 1

    def first(self, chunk: bytes, at: int) -> int:
        """The place after the first line of `chunk` from `at` on; 0 when none ends."""
        return chunk.find(b"\n", at) + 1
