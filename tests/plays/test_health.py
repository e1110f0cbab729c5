"""Whole calls while an upstream is unhealthy, rests, is tried and comes back; and while its rate
limit is known to be used up."""

import asyncio

import pytest

from proxy.core.event import AttemptCancelled, HealthMoved, PassedOver
from proxy.core.failure import FailureKind
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    Act,
    Answer,
    Play,
    Seen,
    Silence,
    Stream,
    error,
    said,
    sse,
)

POLICY = """
version: 1
defaults: {retry: {attempts: 1}, breaker: {consecutive: 100, min_calls: 1000}}
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, health: {failures: 3, rest: 20s}}
  other: {dialect: openai, url: https://other.example, api_key: k}
routes:
  - {name: alone, match: {upstream: openai, headers: {x-alone: "1"}}, targets: [openai]}
  - {name: chat, match: {upstream: openai}, targets: [openai, other]}
"""
ALONE = {"x-alone": "1"}


def _healthy(play: Play, name: str = "openai") -> bool:
    return play.standings.of(play.program.snapshot.upstreams[name]).health.healthy


async def _unhealthy(*then: Act) -> Play:
    play = Play(POLICY, openai=[DOWN] * 3 + list(then), other=[GOOD] * 200)
    for _ in range(3):
        assert (await play.chat()).asked == ["openai", "other"]
    assert not _healthy(play)
    return play


def _moves(play: Play) -> list[bool]:
    return [event.healthy for event in play.events if isinstance(event, HealthMoved)]


async def test_an_unhealthy_one_is_skipped_while_another_is_healthy() -> None:
    play = await _unhealthy()
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["other"])
    assert seen.headers["x-understudy-fallback"] == "true"
    (passed_over,) = seen.told(PassedOver)
    assert (passed_over.target, passed_over.kind) == ("openai", FailureKind.CIRCUIT_OPEN)
    assert "3 failures in a row" in passed_over.reason
    assert _moves(play) == [False]


async def test_it_is_asked_where_there_is_no_other() -> None:
    play = await _unhealthy(DOWN, GOOD)
    assert (await play.chat(headers=ALONE)).asked == ["openai"]
    assert (await play.chat(headers=ALONE)).status == 200
    assert _healthy(play)


async def test_it_is_asked_after_all_when_the_other_fails() -> None:
    play = await _unhealthy(GOOD)
    play.scripts["other"][:] = [DOWN]
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["other", "openai"])
    assert _moves(play) == [False, True]


async def test_one_call_tries_it_when_it_has_rested_and_a_success_brings_it_back() -> None:
    play = await _unhealthy(GOOD, GOOD)
    play.clock.pass_time(19.9)
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(0.1)
    assert (await play.chat()).asked == ["openai"]
    assert (await play.chat()).asked == ["openai"]
    assert _moves(play) == [False, True]


async def test_one_that_fails_again_rests_again() -> None:
    play = await _unhealthy(DOWN, GOOD)
    play.clock.pass_time(20.0)
    assert (await play.chat()).asked == ["openai", "other"]
    play.clock.pass_time(19.9)
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(0.1)
    assert (await play.chat()).asked == ["openai"]


async def test_of_a_hundred_calls_at_once_one_tries_it() -> None:
    play = await _unhealthy(Answer(200, said("Hi"), wait_s=1.0))
    play.clock.pass_time(20.0)
    asked = len(play.asked)
    calls = [play.asks() for _ in range(100)]

    async def everybody() -> list[Seen]:
        return await asyncio.gather(*[play._serve(call) for call in calls])

    seen = await play.clock.run(everybody())
    assert {one.status for one in seen} == {200}
    assert play.asked[asked:].count("openai") == 1
    assert _healthy(play)


async def test_who_hangs_up_on_the_trial_leaves_it_resting() -> None:
    play = await _unhealthy(Silence(), GOOD)
    play.clock.pass_time(20.0)
    task = await play.begin(play.asks(), 1.0)
    task.cancel()
    await asyncio.wait([task])
    (cancelled,) = [event for event in play.events if isinstance(event, AttemptCancelled)]
    assert (cancelled.target, cancelled.duration_s) == ("openai", 1.0)
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(19.0)
    assert (await play.chat()).asked == ["openai"]


async def test_a_stream_that_breaks_counts_as_a_failure_and_one_that_is_left_as_nothing() -> None:
    broken = Stream(sse(ROLE, HELLO), end="cut")
    play = Play(POLICY, openai=[broken, DOWN, Stream(sse(ROLE, HELLO), end="stall"), broken])
    await play.chat(stream=True, headers=ALONE)
    await play.chat(headers=ALONE)
    task = await play.begin(play.asks(stream=True, headers=ALONE), 1.0)
    task.cancel()
    await asyncio.wait([task])
    assert _healthy(play)
    await play.chat(stream=True, headers=ALONE)
    assert not _healthy(play)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(400, error("no", "invalid_request_error")), id="bad request"),
        pytest.param(Answer(401, error("no", code="invalid_api_key")), id="own key"),
        pytest.param(Answer(429, error("slow down")), id="rate limit"),
        pytest.param(Answer(404, error("?", code="model_not_found")), id="no such model"),
    ],
)
async def test_what_is_not_its_fault_makes_nobody_unhealthy(answer: Act) -> None:
    play = Play(POLICY, openai=[answer] * 5)
    for _ in range(5):
        await play.chat(headers=ALONE)
    assert _healthy(play)
    assert _moves(play) == []


async def test_a_reload_forgets_nothing_and_new_settings_count_at_once() -> None:
    play = await _unhealthy(GOOD)
    play.reload(POLICY.replace("rest: 20s", "rest: 60s"))
    play.clock.pass_time(20.0)
    assert (await play.chat()).asked == ["other"]
    play.reload(POLICY.replace("failures: 3", "failures: 9"))
    assert (await play.chat()).asked == ["openai"]


NOTHING_LEFT = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "12s",
}


async def test_calls_move_on_before_the_provider_has_to_refuse_them() -> None:
    play = Play(POLICY, openai=[Answer(200, said("Hi"), NOTHING_LEFT), GOOD], other=[GOOD])
    assert (await play.chat()).asked == ["openai"]
    seen = await play.chat()
    assert seen.asked == ["other"]
    assert [event.kind for event in seen.told(PassedOver)] == [FailureKind.LIMIT]
    play.clock.pass_time(12.0)
    assert (await play.chat()).asked == ["openai"]


async def test_a_refusal_that_names_a_wait_is_obeyed_by_the_calls_after_it() -> None:
    refusal = Answer(429, error("slow down"), {"Retry-After": "40"})
    play = Play(POLICY, openai=[refusal, GOOD], other=[GOOD] * 2)
    assert (await play.chat()).asked == ["openai", "other"]
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(40.0)
    assert (await play.chat()).asked == ["openai"]
    assert _healthy(play)


async def test_unless_the_policy_does_not_want_it() -> None:
    policy = POLICY.replace("health: {", "limit: {learn: false}, health: {")
    refusal = Answer(429, error("slow down"), {"Retry-After": "40", **NOTHING_LEFT})
    play = Play(policy, openai=[Answer(200, said("Hi"), NOTHING_LEFT), refusal, GOOD], other=[GOOD])
    for asked in (["openai"], ["openai", "other"], ["openai"]):
        assert (await play.chat()).asked == asked
