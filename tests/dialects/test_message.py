"""Providers' words come out as one short line without keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.message import MOST_CHARACTERS, fit


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Incorrect API key provided: sk-fake-****1234. You can find your API key at x.",
            "Incorrect API key provided: ***. You can find your API key at x.",
        ),
        ("Incorrect API key provided: DEADBEEF.", "Incorrect API key provided: ***."),
        ("Your api key: ****-key is invalid", "Your api key: *** is invalid"),
        ("key sk-proj-abc_D.1-2 and gsk_abc123, AIzaSyA1234567890", "key *** and ***, ***"),
        ("two\r\nlines\x00 and\u2028more", "two lines and more"),
        ("risk-free task-based gpt-4o stays", "risk-free task-based gpt-4o stays"),
        ("", ""),
    ],
)
def test_fit(said: str, told: str) -> None:
    assert fit(said) == told


@given(st.text())
def test_always_one_printable_line(said: str) -> None:
    told = fit(said)
    assert told.isprintable()
    assert len(told) <= MOST_CHARACTERS


def test_long_ones_are_cut() -> None:
    assert fit("word " * 1000).endswith("…")
