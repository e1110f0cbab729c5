"""Frames of Amazon's event stream encoding are cut in any chunking, and read within bounds."""

import struct
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.bedrock.frames import EventFrames, event_in, frame
from proxy.dialects.frames import MOST_HELD_BYTES, Event
from tests.dialects.recordings import cuts, recordings


def of(kind: str, payload: bytes = b"{}") -> bytes:
    return frame({":event-type": kind, ":message-type": "event"}, payload)


def events_of(*chunks: bytes) -> list[Event]:
    reader = EventFrames()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_a_frame_of_the_specification() -> None:
    """`payload_no_headers` of the test vectors of smithy's event streams."""
    told = bytes.fromhex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936")
    assert frame({}, b"{'foo':'bar'}") == told
    assert events_of(told) == [Event(b"", b"{'foo':'bar'}")]


def test_headers_of_every_type() -> None:
    values = b"\x01a\x00" + b"\x01b\x01" + b"\x01c\x02\x07" + b"\x01d\x03\x00\x07"
    values += b"\x01e\x04" + bytes(4) + b"\x01f\x05" + bytes(8) + b"\x01g\x06\x00\x02xy"
    values += b"\x01h\x08" + bytes(8) + b"\x01i\x09" + bytes(16)
    values += b"\x0b:event-type\x07\x00\x05chunk"
    prelude = struct.pack(">II", 16 + len(values) + 2, len(values))
    told = prelude + struct.pack(">I", zlib.crc32(prelude)) + values + b"{}"
    assert events_of(told + struct.pack(">I", zlib.crc32(told))) == [Event(b"chunk", b"{}")]


@pytest.mark.parametrize(
    ("fields", "payload", "told"),
    [
        (
            {":message-type": "exception", ":exception-type": "throttlingException"},
            b'{"message":"slow"}',
            {"message": "slow", "__type": "throttlingException"},
        ),
        (
            {":message-type": "error", ":error-code": "Internal", ":error-message": "oops"},
            b"",
            {"message": "", "__type": "Internal"},
        ),
        ({":message-type": "exception"}, b"[]", {"__type": ""}),
        ({":message-type": "exception"}, b"text", {"__type": "", "message": "text"}),
        (
            {":message-type": "exception"},
            b'{"message":"m","x":' + b"[" * 300 + b"]" * 300 + b"}",
            {"__type": "", "message": "m"},
        ),
    ],
)
def test_exceptions(fields: dict[str, str], payload: bytes, told: dict[str, str]) -> None:
    event = event_in(frame(fields, payload))
    assert event.name == b"error"
    assert orjson.loads(event.data) == told


def test_any_cut() -> None:
    body = of("messageStart") + of("contentBlockDelta", b"x" * 300) + of("messageStop")
    whole = events_of(body)
    assert [event.name for event in whole] == [
        b"messageStart",
        b"contentBlockDelta",
        b"messageStop",
    ]
    for pieces in cuts(body, 3):
        assert events_of(*pieces) == whole


def test_boundaries() -> None:
    one, two = of("a"), of("b", b"xyz")
    reader = EventFrames()
    assert reader.boundary(one + two) == len(one + two)
    assert reader.boundary(one + two[:-1]) == len(one)
    assert reader.boundary(one[:-1]) == 0
    assert reader.first(one + two, 0) == len(one)
    assert reader.first(one + two, len(one)) == len(one + two)
    assert reader.first(one[:11], 0) == 0
    assert reader.idle
    reader.feed(one[:20])
    assert not reader.idle
    assert reader.rest == one[:20]


@pytest.mark.parametrize(
    ("total", "headers"),
    [
        (15, 0),
        (20, 5),
        (0, 0),
        (MOST_HELD_BYTES + 1, 0),
        (300_000, 200_000),
        (2**32 - 1, 2**32 - 1),
    ],
)
def test_what_is_no_frame_is_given_up(total: int, headers: int) -> None:
    reader = EventFrames()
    assert reader.feed(of("a") + struct.pack(">III", total, headers, 0)) == [Event(b"a", b"{}")]
    assert reader.overflowed
    assert reader.feed(of("b")) == []


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_garbage(headers: bytes, payload: bytes) -> None:
    prelude = struct.pack(">III", 16 + len(headers) + len(payload), len(headers), 0)
    assert isinstance(event_in(prelude + headers + payload + bytes(4)), Event)
    events_of(headers, payload)
    EventFrames().boundary(payload)


def test_real_ones_have_right_checksums_and_end_whole() -> None:
    streams = 0
    for recording in recordings("bedrock"):
        if b":message-type" not in recording.body:
            continue
        streams += 1
        reader = EventFrames()
        assert len(reader.feed(recording.body)) > 0
        assert reader.idle
        assert reader.boundary(recording.body) == len(recording.body)
        end = reader.first(recording.body, 0)
        told = recording.body[:end]
        assert zlib.crc32(told[:-4]) == int.from_bytes(told[-4:], "big")
    assert streams > 30
