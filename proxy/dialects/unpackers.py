"""One compressed piece after the other, opened by whoever made the coding. No bounds but the one
that is asked for: see `coding` for those.
"""

import sys
import zlib
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP_BYTES = 64 * 1024
"""What brotli is asked for at once: it gives two or three times as much."""

WINDOW_LOG = 23
"""Of zstd: 8 MiB, which is all that content may make its reader remember (RFC 9659 3)."""


class Broken(ValueError):
    """It is not what it was said to be."""


class Unpacker(Protocol):
    """Opens one piece: a member of gzip, a frame of zstd, a whole body in the other codings."""

    @property
    def ended(self) -> bool:
        """Its own end was seen."""
        ...

    @property
    def rest(self) -> bytes:
        """What was given behind the end, where another piece may come."""
        ...

    def open(self, chunk: bytes, most: int) -> bytes:
        """What `chunk` opens to. Where that is `most` bytes or more it is no more than a little
        above that, and what is left inside is not asked for again. Raises Broken."""
        ...


class _Zlib:
    """Both codings that zlib knows, once it is known in which form they come."""

    __slots__ = ("_inflate",)

    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)

    @property
    def ended(self) -> bool:
        return self._inflate.eof

    @property
    def rest(self) -> bytes:
        return self._inflate.unused_data

    def open(self, chunk: bytes, most: int) -> bytes:
        try:
            return self._inflate.decompress(chunk, most)
        except zlib.error as error:
            raise Broken from error


class Gzip(_Zlib):
    """RFC 1952."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(31)


class Deflate:
    """RFC 1950; and RFC 1951 bare, which some send under the same name. What follows its end is
    nobody's."""

    __slots__ = ("_head", "_inner")

    rest = b""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Zlib | None = None

    @property
    def ended(self) -> bool:
        return self._inner is not None and self._inner.ended

    def open(self, chunk: bytes, most: int) -> bytes:
        if self._inner is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return b""
            self._inner = _Zlib(_deflate_form(chunk))
        return b"" if self._inner.ended else self._inner.open(chunk, most)


def _deflate_form(head: bytes) -> int:
    """Window bits for zlib."""
    wrapped = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return 15 if wrapped else -15


class Brotli:
    """RFC 7932. Nothing may follow its end."""

    __slots__ = ("_inner",)

    rest = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    @property
    def ended(self) -> bool:
        return bool(self._inner.is_finished())

    def open(self, chunk: bytes, most: int) -> bytes:
        inner = self._inner
        try:
            found: list[bytes] = [inner.process(chunk, output_buffer_limit=STEP_BYTES)]
            size = len(found[0])
            while size < most and not inner.can_accept_more_data():
                found.append(inner.process(b"", output_buffer_limit=STEP_BYTES))
                size += len(found[-1])
        except brotli.error as error:
            raise Broken from error
        return b"".join(found)


class Zstd:
    """RFC 8878."""

    __slots__ = ("_inner",)

    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._inner = zstd.ZstdDecompressor(options=options)

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    def open(self, chunk: bytes, most: int) -> bytes:
        try:
            return self._inner.decompress(chunk, most)
        except zstd.ZstdError as error:
            raise Broken from error
