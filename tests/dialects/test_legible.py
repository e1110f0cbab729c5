"""Events that no client could read, and how little else is touched."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.frames import Frames
from proxy.dialects.legible import LEFT_OUT, MOST_READ_BYTES, legible

GOOD = b'data: {"choices": []}\n\n'


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        GOOD,
        GOOD * 3,
        b"data: [DONE]\n\n",
        b": a comment\n\n",
        b"event: ping\ndata: {}\n\n",
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n") * 2,
        b'data: {"a":\ndata: 1}\n\n',
        b"data:\n\n",
        b"id: 7\n\n",
        b'data: {"a": NaN}\n\n',
        b'data: {"a": "\xff"}\n\n',
        GOOD + b'data: {"begun": ',
        b'data: {"long": "' + b"x" * MOST_READ_BYTES + b"\n\n",
    ],
)
def test_what_can_be_read_stays_as_it_is(chunk: bytes) -> None:
    assert legible(chunk) == chunk


@pytest.mark.parametrize(
    "bad", [b'data: {"broken": tru\n\n', b'data: {"broken": tru}\n\n', b"event: x\ndata: oops\n\n"]
)
def test_what_cannot_is_left_out(bad: bytes) -> None:
    assert legible(bad) == LEFT_OUT
    assert legible(GOOD + bad + GOOD) == GOOD + LEFT_OUT + GOOD
    assert legible(GOOD + bad + GOOD, b"") == GOOD * 2
    assert not Frames().feed(LEFT_OUT), "no client sees it"


@given(st.lists(st.sampled_from([GOOD, b"data: {oops\n\n", b": c\n\n", b"data: [DONE]\r\n\r\n"])))
def test_every_event_that_is_left_can_be_read(events: list[bytes]) -> None:
    for event in Frames().feed(b": begins\n\n" + legible(b"".join(events))):
        assert event.data == b"[DONE]" or orjson.loads(event.data) == json.loads(event.data)
