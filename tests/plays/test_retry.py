"""Whole calls where the same target is asked again, and then another."""

import asyncio

import pytest

from proxy.core.event import AttemptStarted, FellBack, NoRetry, Retrying, RetryRefused
from proxy.core.failure import FailureKind
from tests.plays.stage import DOWN, GOOD, Answer, Play, Refuse, Stream, error, said, sse
from tests.plays.stage import HELLO as HELLO_EVENT

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 3, backoff: {initial: 1s, max: 8s}, retry_after_max: 10s}
  other:
    dialect: openai
    url: https://other.example
    api_key: k
    retry: {attempts: 2, backoff: {initial: 4s}}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
"""


def _limited(**headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(429, error("slow down", "requests", "rate_limit_exceeded"), names)


async def test_the_same_target_is_asked_again_and_nobody_else() -> None:
    play = Play(POLICY, openai=[DOWN, Refuse(), GOOD])
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["openai"] * 3)
    assert seen.took_s == 1.0 + 2.0
    assert seen.headers["x-understudy-attempts"] == "3"
    assert "x-understudy-fallback" not in seen.headers
    assert [event.wait_s for event in seen.told(Retrying)] == [1.0, 2.0]
    assert [event.number for event in seen.told(AttemptStarted)] == [1, 2, 3]
    assert all(body.closed for body in play.bodies)


async def test_after_the_last_attempt_the_next_target_is_asked_at_once() -> None:
    seen = await Play(POLICY, openai=[DOWN] * 3, other=[DOWN, GOOD]).chat()
    assert seen.asked == ["openai"] * 3 + ["other"] * 2
    assert seen.took_s == 1.0 + 2.0 + 4.0, "no wait between targets"
    assert seen.headers["x-understudy-attempts"] == "5"
    assert len(seen.told(FellBack)) == 1


async def test_a_hint_within_bounds_is_waited_for() -> None:
    play = Play(POLICY, openai=[_limited(retry_after="7"), _limited(retry_after_ms="1500"), GOOD])
    play.dice.share = 0.0
    seen = await play.chat()
    assert seen.took_s == 7.0 + 1.5
    assert seen.asked == ["openai"] * 3


async def test_a_hint_that_is_too_long_leads_to_the_next_target_at_once() -> None:
    seen = await Play(POLICY, openai=[_limited(retry_after="73192")], other=[GOOD]).chat()
    assert (seen.status, seen.asked, seen.took_s) == (200, ["openai", "other"], 0.0)


async def test_a_hint_that_came_with_a_good_answer_is_none() -> None:
    """Anthropic and Hugging Face send Retry-After with a 200."""
    seen = await Play(POLICY, openai=[Answer(200, said("Hi"), {"Retry-After": "60"})]).chat()
    assert (seen.status, seen.took_s) == (200, 0.0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401, error("no", code="invalid_api_key")), FailureKind.AUTH),
        (Answer(429, error("pay", "insufficient_quota", "insufficient_quota")), FailureKind.QUOTA),
        (Answer(404, error("what", code="model_not_found")), FailureKind.MODEL_NOT_FOUND),
    ],
)
async def test_what_will_not_pass_leads_on_without_another_attempt(
    answer: Answer, kind: FailureKind
) -> None:
    seen = await Play(POLICY, openai=[answer], other=[GOOD]).chat()
    assert seen.asked == ["openai", "other"]
    assert [event.kind for event in seen.told(FellBack)] == [kind]


async def test_a_stream_that_began_is_never_asked_for_again() -> None:
    cut = Stream(sse(HELLO_EVENT), end="cut")
    seen = await Play(POLICY, openai=[cut]).chat(stream=True)
    assert seen.asked == ["openai"]
    assert seen.broke is not None


async def test_what_goes_out_is_the_same_each_time() -> None:
    seen = await Play(POLICY, openai=[DOWN, DOWN, GOOD]).chat()
    assert len({call.body for call in seen.calls}) == 1


BUDGETED = """
version: 1
defaults:
  breaker: {consecutive: 1000000, min_calls: 1000000}
  health: {failures: 1000000}
  retry: {attempts: 3, backoff: {initial: 1s}, budget: {min_per_second: 0}}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com"}
  other: {dialect: openai, url: "https://other.example", api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
"""


async def test_when_the_budget_is_spent_the_next_target_is_asked_at_once() -> None:
    play = Play(BUDGETED, openai=[DOWN] * 6, other=[GOOD] * 5)
    seen = [await play.chat() for _ in range(5)]
    assert [one.asked for one in seen] == [["openai", "other"]] * 4 + [["openai"] * 2 + ["other"]]
    assert [one.took_s for one in seen] == [0.0] * 4 + [1.0]
    assert [event.reason for one in seen for event in one.told(RetryRefused)] == [
        NoRetry.BUDGET
    ] * 5


async def test_a_reload_does_not_fill_the_budget_again() -> None:
    play = Play(BUDGETED, openai=[DOWN] * 7, other=[GOOD] * 6)
    for _ in range(5):
        await play.chat()
    play.reload(BUDGETED.replace("attempts: 3", "attempts: 4"))
    assert (await play.chat()).asked == ["openai", "other"]


async def test_in_an_outage_nobody_bears_more_than_the_budget_allows() -> None:
    """A thousand calls in fifty seconds, to two providers that are both down."""
    play = Play(BUDGETED, openai=[DOWN] * 3000, other=[DOWN] * 3000)
    tasks = [await play.begin(play.asks(), 0.05) for _ in range(1000)]
    await play.clock.run(asyncio.wait(tasks))
    assert {task.result().status for task in tasks} == {503}
    for name in ("openai", "other"):
        assert 1150 < play.asked.count(name) <= 1200
