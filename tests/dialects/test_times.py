"""Every notation of a moment or a duration, and nothing but these."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.times import count, date_s, go_duration_s, number, timestamp_s, until_s

NOW_S = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("1m30.5s", 90.5),
        ("1h2m3s", 3723.0),
        ("2.5s", 2.5),
        ("22.441823s", 22.441823),
        ("0s", 0.0),
        ("1h", 3600.0),
        ("6m0s", 360.0),
        ("1m5ms", 60.005),
        ("250us", 0.00025),
        *((text, None) for text in ("", "5", "-1s", "s", "1m 2s", "1.2.3s", "9" * 400 + "s")),
    ],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    assert go_duration_s(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1994-11-06T08:49:37Z", NOW_S),
        ("1994-11-06t08:49:37.5z", NOW_S + 0.5),
        ("1994-11-06T09:49:37+01:00", NOW_S),
        ("1994-11-06 07:49:37-01:00", NOW_S),
        ("1970-01-01T00:00:00Z", 0.0),
        ("1994-11-06", None),
        ("1994-11-06T08:49:37", None),
        ("1994-13-06T08:49:37Z", None),
        ("1994-11-06T24:00:00Z", None),
        ("0000-11-06T08:49:37Z", None),
        ("", None),
    ],
)
def test_timestamps(text: str, at_s: float | None) -> None:
    assert timestamp_s(text) == at_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("2.5", 2.5),
        ("0", 0.0),
        ("120ms", 0.12),
        ("1h", 3600.0),
        ("784111787", 784111787.0),  # 24 years: no moment, but what of it
        ("1994-11-06T08:49:47Z", 10.0),
        ("1970-01-01T00:00:00Z", 0.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        *((text, None) for text in (None, "", "-5", "soon", "X-RATELIMIT-XXX", "1" * 99, "٣")),
    ],
)
def test_until(text: str | None, seconds: float | None) -> None:
    assert until_s(text, NOW_S) == seconds


def test_until_a_moment_in_seconds_or_milliseconds() -> None:
    assert until_s("1769759903", 1769759900.0) == 3.0
    assert until_s("1769759903500", 1769759900.0) == 3.5
    assert until_s("1769759903", 1769759999.0) == 0.0


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "1" * 16, None, " 7", "0x1"])
def test_no_counts(text: str | None) -> None:
    assert count(text) is None


def test_counts() -> None:
    assert (count("0"), count("9" * 15)) == (0, 10**15 - 1)


@given(st.text(max_size=80))
def test_garbage(text: str) -> None:
    for read in (number, count, go_duration_s, timestamp_s, date_s):
        found = read(text)
        assert found is None or read is date_s or found >= 0
    assert (until_s(text, NOW_S) or 0.0) >= 0


@given(st.integers(0, 4_000_000_000))
def test_any_date(at_s: int) -> None:
    assert date_s(formatdate(at_s, usegmt=True)) == at_s
