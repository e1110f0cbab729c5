"""Every way in which a provider says how long to stay away."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.dialects.wait import fields_s, headers_s, wait_s

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
    assert waited(**(spent | {"x_ratelimit_reset_requests": "7"})) == 7.0


def test_resets_of_other_providers() -> None:
    spent = {"anthropic_ratelimit_requests_remaining": "0"}
    at = {"anthropic_ratelimit_requests_reset": "1994-11-06T08:49:47Z"}
    assert waited(**spent, **at) == 10.0
    assert waited(ratelimit='"api";r=0;t=70') == 70.0
    assert waited(ratelimit='"api";r=1;t=70') is None
    assert waited(x_ratelimit_timeremaining="73187", retry_after="73186") == 73186.0
    assert waited(x_ratelimit_timeremaining="44") == 44.0


def test_counts_that_lag_behind_are_no_wish() -> None:
    """Azure says so beside an answer that had other reasons to fail."""
    assert waited(x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="0") is None


def test_the_length_of_a_limit_is_no_wish() -> None:
    """Mistral does not say when there is more."""
    assert waited(x_ratelimit_remaining_req_minute="0") is None


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Limit 6000. Please try again in 2.87s. Need more?", 2.87),
        ("Please try again in 120ms.", 0.12),
        ("try again in 6m0s", 360.0),
        ("Please retry after 20 seconds.", 20.0),
        ("please try again in 1 minute", 60.0),
        ("Please retry in 22.441823s.", 22.441823),
        ("PLEASE RETRY AFTER 6 SECONDS", 6.0),
        ("wait 30 seconds before asking again", 30.0),
        ("Please wait for about 2 minutes and 5 seconds.", 125.0),
        ("available again in 1h 5m", 3900.0),
        ("try again in 500 milliseconds", 0.5),
        ("Try again in 2 days", 172800.0),
        ("retry after 3 hours", 10800.0),
        ("limited to 10 API calls / minute", None),
        ("within the last 5 minutes, please wait a moment and try again", None),
        ("retry in 5 steps", None),
        ("try again in a while", None),
        ("try again later", None),
    ],
)
def test_words(message: str, seconds: float | None) -> None:
    assert waited(message=message) == (None if seconds is None else pytest.approx(seconds))
    assert waited(message=message, retry_after="7") == 7.0


def test_a_good_answer_asks_for_no_wait() -> None:
    assert waited(200, retry_after="5") is None


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"retry_after": 20}, 20.0),
        ({"retry_after_seconds": "2.5"}, 2.5),
        ({"retry_after_ms": 660, "retry_after": 1}, 0.66),
        ({"retry_after": 29.889999999999997}, 29.889999999999997),
        ({"headers": {"Retry-After": 30}}, 30.0),
        ({"headers": {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": "9"}}, 9.0),
        ({"headers": {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9"}}, None),
        ({"headers": {"Retry-After": ["5"]}}, None),
        ({"headers": "none"}, None),
        ({"retry_after": None}, None),
        ({"retry_after": True}, None),
        ({"retry_after": -5}, None),
        ({}, None),
    ],
)
def test_fields_of_a_body(fields: dict[str, object], seconds: float | None) -> None:
    assert fields_s(fields, NOW_S) == seconds


def test_moments_need_to_know_the_time() -> None:
    behind = {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1769759903"}}
    assert fields_s(behind, 1769759900.0) == 3.0
    assert fields_s(behind, None) is None


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=30)))
def test_garbage_in_headers(fields: dict[str, str]) -> None:
    found = headers_s(CIMultiDict(fields), NOW_S)
    assert found is None or found >= 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_garbage_is_no_wish(header: str, message: str) -> None:
    found = waited(retry_after=header, retry_after_ms=header, message=message)
    assert found is None or found >= 0


@given(st.integers(0, 4_000_000_000))
def test_any_date(at_s: int) -> None:
    assert waited(retry_after=formatdate(at_s, usegmt=True)) == max(0.0, at_s - NOW_S)


def test_a_fraction_may_be_as_long_as_programs_print_it() -> None:
    assert waited(retry_after="29.889999999999997") == pytest.approx(29.89)
    assert waited(retry_after="0.30000000000000004") == pytest.approx(0.3)
