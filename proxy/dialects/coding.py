"""Content codings, where a body must be looked into. The bytes that go to the app are never these.

gzip, deflate, br and zstd are opened; whatever else there is, and several on top of each other,
stays shut (opaque).
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from proxy.core.failure import Failure, FailureKind
from proxy.core.headers import Headers
from proxy.dialects.unpackers import Broken, Brotli, Deflate, Gzip, Unpacker, Zstd

FREE_BYTES = 1024 * 1024
MOST_EXPANSION = 100
"""What comes out may be this many times what went in, beyond the free bytes. JSON and streams of
events shrink 5 to 30 times; beyond 100 it is a decompression bomb (deflate reaches 1,032, brotli
and zstd a hundred thousand)."""
MOST_OPENED_BYTES = 1024 * 1024
"""Of one whole answer that is looked into: 3 ms, in which no other call gets on."""

SLICE_BYTES = 16 * 1024
"""What is opened at once. Whatever came before, it may open to no more than if it were the first:
else a long body that does not shrink would earn a bomb at its end."""
MOST_PIECES = 4096
"""Of gzip's members, or zstd's frames, in one body: each takes microseconds to open, and may be 20
bytes that open to nothing. A server that compresses each event by itself makes hundreds."""


class Coding(Enum):
    PLAIN = "plain"
    GZIP = "gzip"
    DEFLATE = "deflate"
    BROTLI = "br"
    ZSTD = "zstd"
    OPAQUE = "opaque"


_NAMES = {
    "": Coding.PLAIN,
    "identity": Coding.PLAIN,
    "gzip": Coding.GZIP,
    "x-gzip": Coding.GZIP,  # RFC 9110 8.4.1.3
    "deflate": Coding.DEFLATE,
    "br": Coding.BROTLI,
    "zstd": Coding.ZSTD,
}


class _Form(NamedTuple):
    """`many`: another piece may follow the end of one, after `padding`."""

    unpacker: Callable[[], Unpacker]
    many: bool = False
    padding: bytes = b""


_FORMS = {
    Coding.GZIP: _Form(Gzip, True, b"\0"),  # RFC 1952 2.2; zeros as gzip itself allows
    Coding.DEFLATE: _Form(Deflate),
    Coding.BROTLI: _Form(Brotli),
    Coding.ZSTD: _Form(Zstd, True),  # RFC 8878 3.1
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

    __slots__ = ("_form", "_left", "_most_left", "_pieces", "_unpacker", "shut")

    def __init__(self, coding: Coding, most_bytes: int | None = None) -> None:
        self._form = _FORMS[coding]
        self._unpacker = self._form.unpacker()
        self._left = FREE_BYTES
        self._most_left = most_bytes
        self._pieces = 1
        self.shut = False

    @property
    def ended(self) -> bool:
        return self._unpacker.ended

    def feed(self, chunk: bytes) -> bytes:
        """What `chunk` opens to. Raises `malformed` where it is not what the header says."""
        if self.shut:
            return b""
        slices = range(0, len(chunk), SLICE_BYTES)
        try:
            return b"".join([self._opened(chunk[at : at + SLICE_BYTES]) for at in slices])
        except Broken as error:
            raise Failure(FailureKind.MALFORMED, "its compressed answer is broken") from error

    def _opened(self, chunk: bytes) -> bytes:
        found = []
        form = self._form
        self._left = min(self._left, FREE_BYTES) + MOST_EXPANSION * len(chunk)
        while chunk and not self.shut:
            if form.many and self._unpacker.ended:
                chunk = chunk.lstrip(form.padding) if form.padding else chunk
                if not chunk:
                    break
                self._unpacker = form.unpacker()
                self._pieces += 1
            room = self._left if self._most_left is None else min(self._left, self._most_left)
            found.append(self._unpacker.open(chunk, room + 1))
            self._gave(len(found[-1]), room)
            chunk = self._unpacker.rest if form.many else b""
        return b"".join(found)

    def _gave(self, size: int, room: int) -> None:
        self.shut = size > room or self._pieces > MOST_PIECES
        self._left -= size
        if self._most_left is not None:
            self._most_left -= size


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
