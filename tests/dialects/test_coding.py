"""Compressed bodies are looked into within bounds, and never guessed at."""

import gzip
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

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


def headers(*codings: str) -> CIMultiDict[str]:
    return CIMultiDict([("Content-Encoding", coding) for coding in codings])


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_opened(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert beginning(headers(coding), pack(TEXT)) == Beginning(TEXT, True)
    assert readable(headers(coding), pack(TEXT)) == TEXT


def test_without_a_header_it_is_plain() -> None:
    assert readable(headers(), TEXT) is TEXT


@pytest.mark.parametrize("codings", [("br",), ("zstd",), ("gzip", "br"), ("gzip, gzip",), ("?",)])
def test_what_cannot_be_opened_is_opaque(codings: tuple[str, ...]) -> None:
    assert coding_of(headers(*codings)) is Coding.OPAQUE
    assert beginning(headers(*codings), TEXT) is None
    assert readable(headers(*codings), TEXT) is None


@pytest.mark.parametrize(
    "body", [TEXT, gzip.compress(TEXT)[:-9], b"\x1f", gzip.compress(TEXT) + b"x"]
)
def test_broken_or_cut_is_malformed(body: bytes) -> None:
    with pytest.raises(Failure) as caught:
        beginning(headers("gzip"), body)
    assert caught.value.kind is FailureKind.MALFORMED
    assert readable(headers("gzip"), body) is None


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare_deflate])
def test_fed_byte_by_byte(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)
    opener = Opener(Coding.GZIP if pack is gzip.compress else Coding.DEFLATE)
    found = b"".join(opener.feed(packed[at : at + 1]) for at in range(len(packed)))
    assert found == TEXT
    assert opener.ended


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


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "identity"]))
def test_garbage_is_malformed_or_nothing(body: bytes, coding: str) -> None:
    found = readable(headers(coding), body)
    if found is None and coding != "br":
        with pytest.raises(Failure) as caught:
            beginning(headers(coding), body)
        assert caught.value.kind is FailureKind.MALFORMED


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
