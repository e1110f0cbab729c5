"""Every way in which a provider of this family says how long to stay away."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.dialects.wait import go_duration_s, wait_s

NOW_S = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


def waited(status: int = 429, message: str = "", **fields: str) -> float | None:
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    return wait_s(status, headers, message, NOW_S)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20", 20.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("73192", 73192.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
        ("Sun Nov  6 08:49:47 1994", 10.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        *((text, None) for text in ("", "-5", "soon", "nan", "inf", "1e9", "٣", "9" * 400, "1_0")),
        ("Sun, 99 Nov 1994 99:99:99 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert waited(retry_after=text) == seconds


def test_milliseconds_are_more_exact() -> None:
    assert waited(retry_after_ms="660", retry_after="1") == 0.66
    assert waited(retry_after_ms="660") == 0.66


def test_no_milliseconds_beside_seconds_are_a_slip() -> None:
    """Azure sends both, of which one must be wrong; the longer one does no harm."""
    assert waited(retry_after_ms="0", retry_after="1") == 1.0
    assert waited(retry_after_ms="0") == 0.0


def test_resets_count_where_the_limit_is_used_up() -> None:
    spent = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "21m36.001s"}
    spare = {"x_ratelimit_remaining_tokens": "7", "x_ratelimit_reset_tokens": "40m"}
    assert waited(**spent, **spare) == pytest.approx(1296.001)
    assert waited(**spare) is None
    assert waited(**spent, retry_after="20") == 20.0


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Limit 6000. Please try again in 2.87s. Need more?", 2.87),
        ("Please try again in 120ms.", 0.12),
        ("try again in 6m0s", 360.0),
        ("Please retry after 20 seconds.", 20.0),
        ("please try again in 1 minute", 60.0),
        ("try again in a while", None),
        ("try again later", None),
    ],
)
def test_words(message: str, seconds: float | None) -> None:
    assert waited(message=message) == (None if seconds is None else pytest.approx(seconds))
    assert waited(message=message, retry_after="7") == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12ms", 0.012), ("1m30.5s", 90.5), ("1h2m3s", 3723.0), ("2.5s", 2.5), ("0s", 0.0)]
    + [(text, None) for text in ("", "5", "-1s", "s", "1m 2s", "1.2.3s", "9" * 400 + "s")],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    assert go_duration_s(text) == (None if seconds is None else pytest.approx(seconds))


def test_a_good_answer_asks_for_no_wait() -> None:
    assert waited(200, retry_after="5") is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_garbage_is_no_wish(header: str, message: str) -> None:
    found = waited(retry_after=header, retry_after_ms=header, message=message)
    assert found is None or found >= 0


@given(st.integers(0, 4_000_000_000))
def test_any_date(at_s: int) -> None:
    assert waited(retry_after=formatdate(at_s, usegmt=True)) == max(0.0, at_s - NOW_S)
