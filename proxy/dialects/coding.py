"""Content codings, where a body must be looked into. The bytes that go to the app are never these.

gzip and deflate are opened; brotli, zstd and whatever else there is stay shut (opaque).
"""

import zlib
from enum import Enum
from typing import NamedTuple

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers

FREE_BYTES = 1024 * 1024
MOST_EXPANSION = 100
"""What comes out may be this many times what went in, beyond the free bytes. JSON and streams of
events shrink 5 to 30 times; beyond 100 it is a decompression bomb (deflate reaches 1,032)."""
MOST_OPENED_BYTES = 1024 * 1024
"""Of one whole answer that is looked into: 3 ms, in which no other call gets on."""

SLICE_BYTES = 16 * 1024
"""What goes into zlib at once: whatever follows a member of gzip is copied."""
MOST_MEMBERS = 4096
"""Of gzip in one body: each takes microseconds to open, and may be 20 bytes that open to nothing. A
server that compresses each event by itself makes hundreds."""


class Coding(Enum):
    PLAIN = "plain"
    GZIP = "gzip"
    DEFLATE = "deflate"
    OPAQUE = "opaque"


_NAMES = {
    "": Coding.PLAIN,
    "identity": Coding.PLAIN,
    "gzip": Coding.GZIP,
    "x-gzip": Coding.GZIP,  # RFC 9110 8.4.1.3
    "deflate": Coding.DEFLATE,
}


def coding_of(headers: Headers) -> Coding:
    """The coding of a body with these headers; several on top of each other are opaque."""
    if "content-encoding" not in headers:
        return Coding.PLAIN
    names = ", ".join(headers.getall("content-encoding", []))
    return _NAMES.get(names.strip().lower(), Coding.OPAQUE)


class Opener:
    """Opens a compressed stream of bytes, fed in any chunking.

    `shut` becomes True, for good, when it expands beyond bounds, or is made of countless pieces:
    nothing more is looked at.
    `ended` says whether the coding's own end was seen, so that a cut can be told.
    """

    __slots__ = (
        "_came",
        "_gave",
        "_head",
        "_inflate",
        "_members",
        "_most",
        "_wbits",
        "ended",
        "shut",
    )

    def __init__(self, coding: Coding, most_bytes: int | None = None) -> None:
        self._wbits = 31 if coding is Coding.GZIP else 0
        self._inflate: zlib._Decompress | None = None
        self._head = b""
        self._came = 0
        self._gave = 0
        self._most = most_bytes
        self._members = 0  # beside the first
        self.ended = False
        self.shut = False

    def feed(self, chunk: bytes) -> bytes:
        """What `chunk` opens to. Raises `malformed` where it is not what the header says."""
        if self.shut or not chunk:
            return b""
        self._came += len(chunk)
        if self._inflate is None:
            chunk = self._head + chunk
            if len(chunk) < 2:
                self._head = chunk
                return b""
            self._inflate = zlib.decompressobj(self._wbits or _deflate_form(chunk))
        slices = range(0, len(chunk), SLICE_BYTES)
        try:
            return b"".join([self._opened(chunk[at : at + SLICE_BYTES]) for at in slices])
        except zlib.error as error:
            raise Failure(FailureKind.MALFORMED, "its compressed answer is broken") from error

    def _opened(self, chunk: bytes) -> bytes:
        found = []
        while chunk and not self.shut:
            assert self._inflate is not None
            if self.ended:  # gzip may go on with another member (RFC 1952 2.2)
                if self._wbits != 31:
                    break  # RFC 1950 has one stream; what follows is nobody's
                chunk = chunk.lstrip(b"\0")  # padding, as gzip itself allows
                if not chunk:
                    break
                self._inflate = zlib.decompressobj(self._wbits)
                self._members += 1
            room = self._room()
            found.append(self._inflate.decompress(chunk, room + 1))
            self._gave += len(found[-1])
            self.shut = len(found[-1]) > room or self._members > MOST_MEMBERS
            self.ended = self._inflate.eof
            chunk = self._inflate.unused_data
        return b"".join(found)

    def _room(self) -> int:
        room = FREE_BYTES + MOST_EXPANSION * self._came
        if self._most is not None:
            room = min(room, self._most)
        return max(0, room - self._gave)


def _deflate_form(head: bytes) -> int:
    """Window bits for zlib: `deflate` means RFC 1950, and some send RFC 1951 bare all the same."""
    wrapped = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return 15 if wrapped else -15


class Beginning(NamedTuple):
    """The first bytes that a body stands for; all of them where `whole`."""

    content: bytes
    whole: bool


def beginning(headers: Headers, body: bytes) -> Beginning | None:
    """What `body` stands for, no more than about `MOST_OPENED_BYTES` of it opened; None where it is
    opaque. Raises `malformed` when it is broken, or cut before that."""
    coding = coding_of(headers)
    if coding is Coding.PLAIN:
        return Beginning(body, True)
    if coding is Coding.OPAQUE:
        return None
    opener = Opener(coding, MOST_OPENED_BYTES)
    found = opener.feed(body)
    if not opener.shut and not opener.ended and body:
        raise Failure(FailureKind.MALFORMED, "its compressed answer is cut")
    return Beginning(found, not opener.shut)


def readable(headers: Headers, body: bytes) -> bytes | None:
    """The bytes that `body` stands for; None when they cannot be had, for whatever reason. For
    those who come after `beginning` has had its say."""
    try:
        found = beginning(headers, body)
    except Failure:
        return None
    return found.content if found is not None and found.whole else None
