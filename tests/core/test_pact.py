"""What apps say in headers: who retries, and how long they wait."""

import pytest
from multidict import CIMultiDict

from proxy.core.pact import app_retries, app_timeout_s, sdk_timeout_s


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ("0", 0),
        ("2", 2),
        ("999999", 999_999),
        *((told, 0) for told in ("", "-1", "x", "\u0662", "1000000", "9" * 5000)),
    ],
)
def test_what_is_no_likely_count_is_none(told: str, count: int) -> None:
    assert app_retries(CIMultiDict({"x-stainless-retry-count": told})) == count


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("30", 30.0),
        (" 1.5s ", 1.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        *((told, None) for told in ("", "0", "0s", "-1", "1_0", "\u0663", "inf", "1d", "soon")),
    ],
)
def test_how_long_the_app_waits(told: str, seconds: float | None) -> None:
    assert app_timeout_s(CIMultiDict({"x-understudy-timeout": told})) == seconds


def test_how_long_an_sdk_bears_silence() -> None:
    for name in ("x-stainless-read-timeout", "x-stainless-timeout"):
        assert sdk_timeout_s(CIMultiDict({name: "600.0"})) == 600.0
        assert sdk_timeout_s(CIMultiDict({name: "None"})) is None
