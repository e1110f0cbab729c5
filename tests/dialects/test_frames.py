"""Events are found where WHATWG's rules put them, in any chunking, within bounds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import frames
from proxy.dialects.frames import Event, Frames, comment, first_event, whole_events


def events_of(*chunks: bytes) -> list[Event]:
    reader = Frames()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event(b"", b"a")]),
        (b"data:a\n\ndata:  b\n\n", [Event(b"", b"a"), Event(b"", b" b")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [Event(b"", x) for x in (b"a", b"b", b"c")]),
        (b"data: a\r\n\n", [Event(b"", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event(b"", b"a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b": PROCESSING\n\n:\n\ndata: a\n\n", [Event(b"", b"a")]),
        (b"event: error\ndata: a\ndata\ndata: b\n\n", [Event(b"error", b"a\n\nb")]),
        (b"data: a\nevent: late\nid: 7\nretry: 5\n\n", [Event(b"late", b"a")]),
        (b"event: empty\n\ndata\n\ndata:\n\n", []),
        (b"\n\n\n\ndata: a\n\n\n\n\n", [Event(b"", b"a")]),
        (b"data: a\n\ndata: cut\n", [Event(b"", b"a")]),
        (b"", []),
    ],
)
def test_events(stream: bytes, events: list[Event]) -> None:
    assert events_of(stream) == events
    assert events_of(*(stream[at : at + 1] for at in range(len(stream)))) == events


PIECES = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"data:", b" ", b"x", b":", b"event: e", b"\xef\xbb\xbf"]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=40))
def test_any_chunking_gives_the_same(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    whole = events_of(stream)
    assert events_of(*pieces) == whole
    assert events_of(*(stream[at : at + 1] for at in range(len(stream)))) == whole


@given(st.lists(PIECES, max_size=30), st.lists(PIECES, max_size=10))
def test_what_is_before_a_boundary_is_whole(before: list[bytes], after: list[bytes]) -> None:
    chunk = b"".join(before)
    end = whole_events(chunk)
    reader = Frames()
    early = reader.feed(chunk[:end])
    assert early + reader.feed(chunk[end:] + b"".join(after)) == events_of(chunk, *after)
    assert events_of(chunk) == early


@pytest.mark.parametrize(
    ("chunk", "end"),
    [
        (b"data: a\n\n", 9),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\r\n\r\n", 11),
        (b"data: a\r\n\r\ndata: b\r\n", 11),
        (b"data: a\r\rdata", 9),
        (b"data: a\n", 0),
        (b"data: a", 0),
        (b"", 0),
    ],
)
def test_boundaries(chunk: bytes, end: int) -> None:
    assert whole_events(chunk) == end


@pytest.mark.parametrize(
    ("chunk", "at", "end"),
    [
        (b"data: a\n\ndata: b\n\n", 0, 9),
        (b"data: a\n\ndata: b\n\n", 9, 18),
        (b"data: a\r\n\r\ndata: b", 0, 11),
        (b"data: a\r\n\ndata: b", 0, 10),
        (b"data: a\n\r\ndata: b", 0, 10),
        (b"data: a\r\rdata: b", 0, 9),
        (b"data: a\r\n", 0, 0),
        (b"data: a\r\n\r", 0, 0),
        (b"data: a\r\r", 0, 0),
        (b"data: a\n", 0, 0),
        (b"", 0, 0),
    ],
)
def test_the_first_event(chunk: bytes, at: int, end: int) -> None:
    assert first_event(chunk, at) == end


def test_comments_are_no_events_whatever_their_words() -> None:
    assert comment("is\nwaiting\r\n\r\ndata: x") == b": understudy is waiting data: x\n\n"
    assert events_of(comment("is\nwaiting") + b"data: a\n\n") == events_of(b"data: a\n\n")


def test_an_event_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST_HELD_BYTES", 1000)
    reader = Frames()
    for _ in range(1100):
        assert reader.feed(b":") == []
    assert reader.overflowed
    assert reader.feed(b"\n\ndata: a\n\n") == []


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"x"]), max_size=12).map(b"".join))
def test_an_event_ends_where_two_lines_do(stream: bytes) -> None:
    """Whatever they end with: a CR and an LF behind it are one end."""
    two_ends = re.search(rb"(?:\r\n|\n|\r(?!\n)){2}", stream)
    end = 0 if two_ends is None else two_ends.end()
    unsure = end == len(stream) and stream.endswith(b"\r")
    assert first_event(stream) == (0 if unsure else end)
