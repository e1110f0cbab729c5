"""Lines are found in any chunking, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import lines
from proxy.dialects.lines import Lines
from tests.dialects.recordings import cuts


def lines_of(*chunks: bytes) -> list[bytes]:
    reader = Lines()
    return [event.data for chunk in chunks for event in reader.feed(chunk)]


def test_lines() -> None:
    body = b'{"a": 1}\n\n{"b": 2}\r\n{"c'
    for pieces in cuts(body, 5):
        assert lines_of(*pieces) == [b'{"a": 1}', b'{"b": 2}\r']
    reader = Lines()
    reader.feed(body)
    assert reader.rest == b'{"c'
    assert not reader.idle
    assert reader.boundary(body) == len(body) - 3
    assert reader.first(body, 0) == 9
    assert reader.first(body, len(body) - 3) == 0


@given(st.lists(st.binary(max_size=5) | st.just(b"\n")))
def test_any_chunking(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert lines_of(*pieces) == lines_of(whole)
    assert lines_of(whole) == [line for line in whole.split(b"\n")[:-1] if line.strip()]


def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_HELD_BYTES", 100)
    reader = Lines()
    for _ in range(101):
        reader.feed(b"x")
    assert reader.overflowed
    assert reader.feed(b"\n{}\n") == []
