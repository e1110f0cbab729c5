"""What apps say in headers about who retries."""

import pytest
from multidict import CIMultiDict

from proxy.core.pact import app_retries


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
