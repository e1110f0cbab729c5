"""Amazon's event stream encoding: where a frame ends, and what it says.

    total length (4) | length of headers (4) | CRC of both (4) | headers | payload | CRC (4)

https://smithy.io/2.0/aws/amazon-eventstream.html. Checksums are left to those whom the bytes are
for. It only looks; the bytes that go to the app stay as they came.
"""

import struct
import zlib

import orjson

from proxy.dialects.frames import MOST_HELD_BYTES, Event

_PRELUDE = struct.Struct(">II")
_LEAST_BYTES = 16
_MOST_HEADER_BYTES = 128 * 1024
_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Of header values, by type; 6 (bytes) and 7 (text) say their own."""
_TEXT = 7
ERROR = b"error"
"""The name that exceptions have here, whatever their type."""


class EventFrames:
    """Cuts a stream into events, fed in any chunking. An event is named as its `:event-type`; an
    exception is named `error`, and its data says its type as `__type`. `overflowed` becomes True,
    for good, when a frame is none or grows beyond bounds."""

    __slots__ = ("_held", "overflowed")

    def __init__(self) -> None:
        self._held = bytearray()
        self.overflowed = False

    def again(self) -> "EventFrames":
        return EventFrames()

    @property
    def idle(self) -> bool:
        """Between two frames: the next byte begins a new one."""
        return not self._held

    @property
    def rest(self) -> bytes:
        """What came of a frame that has not ended."""
        return bytes(self._held)

    def begins(self, start: bytes) -> bool:
        """Frames stay below 16 MiB, so the first byte of their length is 0."""
        return start == b"\0"

    def feed(self, chunk: bytes) -> list[Event]:
        """The events of the frames that end in `chunk`."""
        if self.overflowed:
            return []
        if self._held:
            self._held += chunk
            size = _size(self._held, 0)
            if size is None or size > len(self._held):
                return []
            chunk = bytes(self._held)
            self._held.clear()
        events: list[Event] = []
        at = 0
        while (size := _size(chunk, at)) is not None and at + size <= len(chunk):
            if size == 0:
                self.overflowed = True
                return events
            events.append(event_in(chunk[at : at + size]))
            at += size
        self._held += chunk[at:]
        return events

    def boundary(self, chunk: bytes) -> int:
        """How many bytes of `chunk`, which begins where a frame does, are whole frames."""
        at = 0
        while end := self.first(chunk, at):
            at = end
        return at

    def first(self, chunk: bytes, at: int) -> int:
        """The place after the first frame of `chunk` from `at` on; 0 when none ends."""
        size = _size(chunk, at)
        return at + size if size and at + size <= len(chunk) else 0


def _size(chunk: bytes | bytearray, at: int) -> int | None:
    """Of the frame that begins at `at`; None where its length is still to come, 0 where it can be
    no frame."""
    if len(chunk) - at < _PRELUDE.size:
        return None
    total, headers = _PRELUDE.unpack_from(chunk, at)
    sound = _LEAST_BYTES + headers <= total <= MOST_HELD_BYTES and headers <= _MOST_HEADER_BYTES
    return int(total) if sound else 0


def event_in(frame: bytes) -> Event:
    """What one whole frame says."""
    headers_end = 12 + _PRELUDE.unpack_from(frame)[1]
    fields = _fields(frame[12:headers_end])
    payload = frame[headers_end:-4]
    kind = fields.get(b":message-type", b"event")
    if kind == b"event":
        return Event(fields.get(b":event-type", b""), payload)
    told = _words(payload)
    told["__type"] = fields.get(b":exception-type", fields.get(b":error-code", b"")).decode(
        "utf-8", "replace"
    )
    if b":error-message" in fields:
        told.setdefault("message", fields[b":error-message"].decode("utf-8", "replace"))
    return Event(ERROR, orjson.dumps(told))


def _words(payload: bytes) -> dict[str, str]:
    """The texts of an exception: all that is read of one."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {"message": payload.decode("utf-8", "replace")}
    told = found if isinstance(found, dict) else {}
    return {name: value for name, value in told.items() if isinstance(value, str)}


def _fields(block: bytes) -> dict[bytes, bytes]:
    """The headers that are text; what comes after one that cannot be read is left out."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(block):
        start = at + 1
        at = start + block[at]
        name, kind = block[start:at], block[at : at + 1]
        at += 1
        if not kind:
            break
        width = _WIDTHS.get(kind[0])
        if width is None:
            if kind[0] not in (6, _TEXT) or at + 2 > len(block):
                break
            width = int.from_bytes(block[at : at + 2], "big")
            at += 2
            if kind[0] == _TEXT:
                found[name] = block[at : at + width]
        at += width
    return found


def frame(fields: dict[str, str], payload: bytes) -> bytes:
    """A frame with text headers, its checksums right."""
    block = b"".join(
        bytes((len(name),))
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in fields.items()
    )
    prelude = _PRELUDE.pack(_LEAST_BYTES + len(block) + len(payload), len(block))
    told = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return told + struct.pack(">I", zlib.crc32(told))
