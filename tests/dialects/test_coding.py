"""Compressed bodies are looked into within bounds, and never guessed at."""

import gzip
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from proxy.core.failure import Failure, FailureKind
from proxy.dialects.coding import (
    MOST_OPENED_BYTES,
    Beginning,
    Coding,
    Opener,
    beginning,
    coding_of,
    readable,
)

TEXT = b'{"choices": []}' * 20


def bare_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


PACKS: dict[Coding, Callable[[bytes], bytes]] = {
    Coding.GZIP: gzip.compress,
    Coding.DEFLATE: zlib.compress,
    Coding.BROTLI: brotli.compress,
    Coding.ZSTD: zstd.compress,
}
EACH = pytest.mark.parametrize("coding", PACKS, ids=lambda coding: coding.value)


def headers(*codings: str) -> CIMultiDict[str]:
    return CIMultiDict([("Content-Encoding", coding) for coding in codings])


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("br", brotli.compress),
        ("zstd", zstd.compress),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_opened(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert beginning(headers(coding), pack(TEXT)) == Beginning(TEXT, True)
    assert readable(headers(coding), pack(TEXT)) == TEXT


def test_without_a_header_it_is_plain() -> None:
    assert readable(headers(), TEXT) is TEXT


@pytest.mark.parametrize("codings", [("gzip", "br"), ("gzip, gzip",), ("zstd, br",), ("?",)])
def test_what_cannot_be_opened_is_opaque(codings: tuple[str, ...]) -> None:
    assert coding_of(headers(*codings)) is Coding.OPAQUE
    assert beginning(headers(*codings), TEXT) is None
    assert readable(headers(*codings), TEXT) is None


@EACH
def test_broken_or_cut_is_malformed(coding: Coding) -> None:
    packed = PACKS[coding](TEXT)
    for body in (TEXT, packed[:-1], packed[:1], packed[:3] + b"\xff" * 8 + packed[11:]):
        with pytest.raises(Failure) as caught:
            beginning(headers(coding.value), body)
        assert caught.value.kind is FailureKind.MALFORMED
        assert readable(headers(coding.value), body) is None


@pytest.mark.parametrize("coding", [Coding.GZIP, Coding.BROTLI, Coding.ZSTD])
def test_what_follows_the_end_is_malformed(coding: Coding) -> None:
    body = PACKS[coding](TEXT) + b"and more"
    with pytest.raises(Failure):
        beginning(headers(coding.value), body)
    opener = Opener(coding)
    opener.feed(PACKS[coding](TEXT))
    with pytest.raises(Failure):
        opener.feed(b"and more")


def test_what_follows_deflate_is_nobodys() -> None:
    assert readable(headers("deflate"), zlib.compress(TEXT) + b"and more") == TEXT


@EACH
def test_fed_byte_by_byte(coding: Coding) -> None:
    _fed(coding, PACKS[coding](TEXT))


def test_bare_deflate_fed_byte_by_byte() -> None:
    _fed(Coding.DEFLATE, bare_deflate(TEXT))


def _fed(coding: Coding, packed: bytes) -> None:
    opener = Opener(coding)
    found = b"".join(opener.feed(packed[at : at + 1]) for at in range(len(packed)))
    assert found == TEXT
    assert opener.ended


@given(st.binary(max_size=300), st.sampled_from(list(PACKS)), st.integers(1, 40))
def test_any_chunking_opens_to_the_same(text: bytes, coding: Coding, size: int) -> None:
    packed = PACKS[coding](text)
    opener = Opener(coding)
    found = b"".join(opener.feed(packed[at : at + size]) for at in range(0, len(packed), size))
    assert found == text
    assert opener.ended


def test_zstd_of_several_frames() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    body = zstd.compress(b"one ") + skippable + zstd.compress(b"two")
    assert readable(headers("zstd"), body) == b"one two"


def test_zstd_with_too_large_a_window_is_malformed() -> None:
    options = {zstd.CompressionParameter.window_log: 27}
    packer = zstd.ZstdCompressor(options=options)
    body = packer.compress(Random(0).randbytes(2**20)) + packer.flush()
    with pytest.raises(Failure):
        Opener(Coding.ZSTD).feed(body)


def test_gzip_of_several_members_and_padding() -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"
    assert readable(headers("gzip"), body) == b"one two"


def test_a_bomb_is_left_alone() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)
    assert len(bomb) < 70_000
    assert readable(headers("gzip"), bomb) is None
    found = beginning(headers("gzip"), bomb)
    assert found is not None
    assert not found.whole
    assert len(found.content) <= MOST_OPENED_BYTES + 1
    opener = Opener(Coding.GZIP)
    size = sum(len(opener.feed(bomb[at : at + 4096])) for at in range(0, len(bomb), 4096))
    assert opener.shut
    assert size <= 1024 * 1024 + 100 * len(bomb)


def _bomb(coding: Coding) -> Iterator[bytes]:
    """10 GB in about 10 MB: random bytes first, as if it were earnest."""
    noise, zeros, times = Random(0).randbytes(10 * 2**20), bytes(100_000_000), 100
    match coding:
        case Coding.GZIP | Coding.DEFLATE:
            packer = zlib.compressobj(1, wbits=31 if coding is Coding.GZIP else 15)
            yield packer.compress(noise) + packer.flush(zlib.Z_FULL_FLUSH)
            piece = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        case Coding.BROTLI:
            packer = brotli.Compressor(quality=1)
            yield packer.process(noise) + packer.flush()
            yield packer.process(zeros) + packer.flush()
            piece = packer.process(zeros) + packer.flush()
        case Coding.ZSTD:
            yield zstd.compress(noise)
            piece = zstd.compress(zeros, 1)
        case _:
            raise AssertionError(coding)
    for _ in range(times):
        yield piece


@EACH
@pytest.mark.parametrize("size", [1024, 64 * 1024, 2**24])
def test_ten_gigabytes_in_ten_megabytes(coding: Coding, size: int) -> None:
    packed = b"".join(_bomb(coding))
    assert len(packed) < 64 * 2**20
    opener = Opener(coding)
    total = 0
    started = time.process_time()
    tracemalloc.start(1)
    try:
        for at in range(0, len(packed), size):
            opened = len(opener.feed(packed[at : at + size]))
            total += opened
            if opener.shut:
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert opener.feed(packed) == b""
    assert total < 64 * 2**20
    assert peak < 4 * size + 32 * 2**20
    assert time.process_time() - started < 5


@given(st.binary(max_size=200), st.sampled_from([*PACKS, Coding.PLAIN]), st.integers(1, 20))
def test_garbage_is_malformed_or_nothing(body: bytes, coding: Coding, size: int) -> None:
    found = readable(headers("" if coding is Coding.PLAIN else coding.value), body)
    if found is None:
        with pytest.raises(Failure) as caught:
            beginning(headers(coding.value), body)
        assert caught.value.kind is FailureKind.MALFORMED
    if coding is Coding.PLAIN:
        return
    opener = Opener(coding)
    with suppress(Failure):  # and nothing else
        for at in range(0, len(body), size):
            opener.feed(body[at : at + size])


def test_countless_pieces_are_not_opened() -> None:
    """20 bytes each that open to nothing: 4 MiB of them would take seconds."""
    opener = Opener(Coding.GZIP)
    started = time.perf_counter()
    assert opener.feed(gzip.compress(b"") * 200_000) == b""
    assert opener.shut
    assert time.perf_counter() - started < 1.0


def test_a_server_may_compress_each_event_by_itself() -> None:
    events = [b"data: %d\n\n" % number for number in range(1000)]
    opener = Opener(Coding.GZIP)
    assert opener.feed(b"".join(map(gzip.compress, events))) == b"".join(events)
    assert opener.ended
    assert not opener.shut
