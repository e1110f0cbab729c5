"""What is left of limits is read in the notation of each provider, and quickly where it is none."""

from timeit import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.dialects.allowance import Allowance, allowances
from tests.dialects.recordings import recordings

NOW_S = 1_770_676_780.0  # 2026-02-09T22:39:40Z


def told(**fields: str) -> tuple[Allowance, ...]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return allowances(CIMultiDictProxy(CIMultiDict(named)), NOW_S)


def openai(of: str, remaining: str, limit: str, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-remaining-{of}": remaining,
        f"x-ratelimit-limit-{of}": limit,
        f"x-ratelimit-reset-{of}": reset,
    }


def anthropic(of: str, remaining: str, limit: str, reset: str) -> dict[str, str]:
    start = f"anthropic-ratelimit-{of}"
    return {f"{start}-remaining": remaining, f"{start}-limit": limit, f"{start}-reset": reset}


def test_openai_and_groq() -> None:
    assert told(
        **openai("requests", "9999", "10000", "8.64s"), **openai("tokens", "7", "200000", "1m30s")
    ) == (Allowance("requests", 9999, 10000, 8.64), Allowance("tokens", 7, 200000, 90.0))
    assert told(**openai("tokens", "29987", "30000", "26ms"))[0].reset_s == 0.026


def test_azure_counts_in_seconds_or_milliseconds() -> None:
    period = {"x-ratelimit-renewalperiod-requests": "60"}
    assert told(**openai("requests", "49", "50", "1"), **period)[0].reset_s == 1.0
    assert told(**openai("requests", "0", "120", "500"), **period)[0].reset_s == 0.5


def test_xai_tells_no_reset() -> None:
    assert told(x_ratelimit_remaining_tokens="5", x_ratelimit_limit_tokens="9") == (
        Allowance("tokens", 5, 9, None),
    )


def test_anthropic() -> None:
    kinds = ("requests", "tokens", "input-tokens", "output-tokens")
    fields: dict[str, str] = {}
    for of in kinds:
        fields |= anthropic(of, "100", "200", "2026-02-09T22:39:44Z")
    assert told(**fields) == tuple(Allowance(of, 100, 200, 4.0) for of in kinds)
    past = anthropic("input-tokens", "450000", "450000", "1970-01-01T00:00:00Z")
    assert told(**past) == (Allowance("input-tokens", 450000, 450000, 0.0),)


def test_mistral() -> None:
    fields = {
        "x-ratelimit-remaining-req-minute": "0",
        "x-ratelimit-limit-req-minute": "60",
        "x-ratelimit-remaining-tokens-minute": "499497",
    }
    assert told(**fields) == (
        Allowance("requests", 0, 60, 60.0),
        Allowance("tokens", 499497, None, 60.0),
    )
    without = allowances(CIMultiDict(fields), NOW_S, windows=False)
    assert [allowance.reset_s for allowance in without] == [None, None]
    old = {"ratelimitbysize-remaining": "5", "ratelimitbysize-limit": "9"}
    assert told(**old, ratelimitbysize_reset="6") == (Allowance("tokens", 5, 9, 6.0),)


def test_together_and_gateways_with_moments() -> None:
    together = {"x-ratelimit-remaining": "0", "x-ratelimit-limit": "2"}
    assert told(**together, x_ratelimit_reset="1") == (Allowance("requests", 0, 2, 1.0),)
    assert told(**together, x_ratelimit_reset="1770676783")[0].reset_s == 3.0
    assert told(**together, x_ratelimit_reset="1770676783500")[0].reset_s == 3.5


def test_hugging_face() -> None:
    policy = {"ratelimit-policy": '"fixed window";"api";q=500;w=300'}
    one = told(**policy, ratelimit='"api";r=499;t=70')
    assert one == (Allowance("requests", 499, 500, 70.0),)
    two = told(ratelimit='"a";r=9;t=70, "b";r=3')
    assert two == (Allowance("requests", 3, None, None),)
    router = {"ratelimit-limit": "400", "ratelimit-remaining": "398", "ratelimit-reset": "18"}
    assert told(**router) == (Allowance("requests", 398, 400, 18.0),)


def test_github() -> None:
    assert told(x_ratelimit_timeremaining="73187") == (Allowance("requests", 0, None, 73187.0),)
    spare = told(x_ratelimit_timeremaining="7", x_ratelimit_remaining_requests="3")
    assert spare == (Allowance("requests", 3, None, None),)


def test_the_scarcest_of_several_counts() -> None:
    two = told(x_ratelimit_remaining_requests="9", x_ratelimit_remaining="3")
    assert two == (Allowance("requests", 3, None, None),)


@pytest.mark.parametrize("count", ["", "-1", "9223372036854767616", "X-REMAINING-XXX", "1.5", "٣"])
def test_no_count_is_no_allowance(count: str) -> None:
    assert told(**openai("tokens", count, "5", "1s")) == ()
    assert told(**openai("tokens", "5", count, count)) == (Allowance("tokens", 5, None, None),) or (
        count == "1.5"
    )


def test_real_ones() -> None:
    found = [allowances(recording.headers, NOW_S) for recording in recordings()]
    assert sum(map(bool, found)) > 250
    assert {allowance.of for told in found for allowance in told} == {
        "requests",
        "tokens",
        "input-tokens",
        "output-tokens",
    }


NAMES = st.sampled_from(
    [
        "ratelimit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-timeremaining",
        "x-ratelimit-renewalperiod-tokens",
        *openai("tokens", "", "", ""),
        *anthropic("tokens", "", "", ""),
        "x-ratelimit-remaining-req-minute",
    ]
)
VALUES = st.text(max_size=40) | st.integers(-5, 10**20).map(str) | st.from_regex(r"r=\d+;t=\d+")


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_garbage(fields: dict[str, str]) -> None:
    for allowance in allowances(CIMultiDict(fields), NOW_S):
        assert 0 <= allowance.remaining < 10**15
        assert allowance.limit is None or 0 <= allowance.limit < 10**15
        assert allowance.reset_s is None or allowance.reset_s >= 0


def test_nothing_is_found_out_quickly() -> None:
    """It is asked for every answer. The bound is four times what it takes, for busy machines."""
    headers = CIMultiDictProxy(CIMultiDict((f"x-header-{n}", str(n)) for n in range(20)))
    assert allowances(headers, NOW_S) == ()
    took_s = min(repeat(lambda: allowances(headers, NOW_S), number=1000, repeat=20))
    assert took_s / 1000 < 2e-6
