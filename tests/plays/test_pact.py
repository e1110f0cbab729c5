"""Whole calls of an app whose SDK retries by itself: together the two ask no more than we alone."""

import pytest

from proxy.core.event import NoRetry, RetryRefused
from tests.plays.stage import DOWN, GOOD, Act, Answer, Play, Refuse, Seen, error

POLICY = """
version: 1
defaults:
  breaker: {consecutive: 1000, min_calls: 1000}
  health: {failures: 1000}
  retry: {attempts: 2, backoff: {initial: 1s}}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com"}
  other: {dialect: openai, url: "https://other.example", api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
"""
ALONE = POLICY.replace("[openai, other]", "[openai]")
SDK_RETRIES = 2
"""Of the official SDKs, unless told otherwise."""


def _tries_again(seen: Seen) -> bool:
    """As `_should_retry` of openai-python and anthropic-sdk-python has it."""
    word = seen.headers.get("x-should-retry")
    if word in ("true", "false"):
        return word == "true"
    return seen.status in (408, 409, 429) or seen.status >= 500


async def _through_an_sdk(play: Play) -> Seen:
    for count in range(SDK_RETRIES + 1):
        headers = {"x-stainless-retry-count": str(count), "x-stainless-read-timeout": "600"}
        seen = await play.chat(headers=headers)
        if not _tries_again(seen):
            break
    return seen


LIMITED = Answer(429, error("slow down", "requests", "rate_limit_exceeded"))
TROUBLE = [
    pytest.param(DOWN, id="503"),
    pytest.param(LIMITED, id="429"),
    pytest.param(Refuse(), id="reset"),
]


@pytest.mark.parametrize("act", TROUBLE)
async def test_an_exhausted_chain_is_not_gone_through_again(act: Act) -> None:
    play = Play(POLICY, openai=[act] * 6, other=[act] * 6)
    seen = await _through_an_sdk(play)
    assert play.asked == ["openai"] * 2 + ["other"] * 2
    assert seen.status >= 400


@pytest.mark.parametrize("act", TROUBLE)
async def test_nor_is_a_single_target(act: Act) -> None:
    play = Play(ALONE, openai=[act] * 6)
    await _through_an_sdk(play)
    assert play.asked == ["openai"] * 2


async def test_what_a_provider_says_of_a_later_try_reaches_the_app() -> None:
    hint = Answer(429, error("slow down", "requests", "rate_limit_exceeded"), {"Retry-After": "42"})
    seen = await Play(POLICY, openai=[hint], other=[DOWN] * 2).chat()
    assert seen.headers["retry-after"] == "42"
    assert seen.headers["retry-after-ms"] == "42000"
    assert seen.headers["x-should-retry"] == "false"


async def test_an_app_that_tries_again_by_itself_pays_for_no_retry_of_ours() -> None:
    policy = ALONE.replace("attempts: 2,", "attempts: 2, budget: {min_per_second: 0, ratio: 1},")
    play = Play(policy, openai=[DOWN] * 5)
    refused = [
        (await play.chat(headers={"x-stainless-retry-count": count})).told(RetryRefused)
        for count in ("0", "1", "1")
    ]
    assert [[event.reason for event in each] for each in refused] == [
        [NoRetry.ATTEMPTS],
        [NoRetry.BUDGET],
        [NoRetry.BUDGET],
    ]
    assert play.asked == ["openai"] * 4


async def test_a_good_answer_says_nothing_of_retries() -> None:
    seen = await Play(ALONE, openai=[GOOD]).chat()
    assert "x-should-retry" not in seen.headers


async def test_an_app_does_not_retry_what_we_may_not_for_want_of_budget() -> None:
    policy = ALONE.replace("{attempts: 2,", "{attempts: 2, budget: {ratio: 0, min_per_second: 0},")
    play = Play(policy, openai=[DOWN] * 6)
    seen = await _through_an_sdk(play)
    assert play.asked == ["openai"]
    assert [event.reason for event in seen.told(RetryRefused)] == [NoRetry.BUDGET]
    assert (seen.status, seen.json) == (503, DOWN.body)


async def test_nor_what_a_provider_asks_to_wait_for_longer_than_the_policy_does() -> None:
    """The SDKs would ask again at once, or sleep for the hour."""
    hour = Answer(429, LIMITED.body, {"Retry-After": "3600"})
    play = Play(ALONE, openai=[hour] * 6)
    seen = await _through_an_sdk(play)
    assert play.asked == ["openai"]
    assert [event.reason for event in seen.told(RetryRefused)] == [NoRetry.TIME]
    assert (seen.status, seen.json, seen.headers["retry-after"]) == (429, LIMITED.body, "3600")


async def test_an_app_does_not_retry_what_our_policy_would_not() -> None:
    broke = Answer(429, error("no credit", "insufficient_quota", "insufficient_quota"))
    play = Play(ALONE, openai=[broke] * 6)
    seen = await _through_an_sdk(play)
    assert play.asked == ["openai"]
    assert [event.reason for event in seen.told(RetryRefused)] == [NoRetry.KIND]
    assert (seen.status, seen.json) == (429, broke.body)


async def test_where_the_policy_retries_nothing_the_apps_own_retries_are_left_to_it() -> None:
    play = Play(ALONE.replace("attempts: 2", "attempts: 1"), openai=[DOWN] * 6)
    await _through_an_sdk(play)
    assert play.asked == ["openai"] * 3


async def test_an_sdk_that_would_not_retry_needs_no_telling() -> None:
    seen = await Play(ALONE, openai=[Answer(401, error("no", code="invalid_api_key"))]).chat()
    assert "x-should-retry" not in seen.headers
