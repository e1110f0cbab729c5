"""Whole calls through a route that shares them out among its targets."""

import asyncio
from collections import Counter

import pytest

from proxy.core.clock import SystemDice
from proxy.core.event import CallEnded, FellBack, PassedOver
from proxy.core.failure import FailureKind
from proxy.core.reply import End
from proxy.resilience.choice.load import SLOW_START_S
from proxy.resilience.standing.state import Standing
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    Act,
    Answer,
    Play,
    Silence,
    Stream,
    error,
    said,
    sse,
)

POLICY = """
version: 1
defaults: {retry: {attempts: 1}}
upstreams:
  openai: {dialect: openai, url: https://api.openai.com}
  other: {dialect: openai, url: https://other.example, api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    strategy: load_balanced
    targets: [openai, other]
"""
WEIGHED = POLICY.replace("[openai, other]", "[{upstream: openai, weight: 3}, other]")
FIRST_ALONE = POLICY.replace("[openai, other]", "[openai, {upstream: other, on: [quota]}]")
MANY = 400


def _play(policy: str = POLICY, seed: int = 1, **scripts: list[Act]) -> Play:
    """A play with true chance, in which nobody is new any more."""
    play = Play(policy, dice=SystemDice(seed), **scripts)
    play.clock.pass_time(SLOW_START_S + 1.0)
    return play


def _slow(wait_s: float) -> Answer:
    return Answer(200, said("Hi"), wait_s=wait_s)


def _standing(play: Play, name: str) -> Standing:
    return play.standings.of(play.program.snapshot.upstreams[name])


def _in_flight(play: Play) -> dict[str, int]:
    return {name: play.loads.of(name, 0.0).in_flight for name in ("openai", "other")}


async def _split(play: Play, calls: int = MANY) -> Counter[str]:
    first: Counter[str] = Counter()
    for _ in range(calls):
        seen = await play.chat()
        assert seen.status == 200
        first[seen.asked[0]] += 1
    return first


async def test_equals_are_asked_alike_and_nobody_calls_it_a_fallback() -> None:
    play = _play(openai=[GOOD] * MANY, other=[GOOD] * MANY)
    split = await _split(play)
    assert split["openai"] == pytest.approx(MANY / 2, rel=0.15)
    assert not [event for event in play.events if isinstance(event, FellBack | PassedOver)]
    assert _in_flight(play) == {"openai": 0, "other": 0}


async def test_weights() -> None:
    split = await _split(_play(WEIGHED, openai=[GOOD] * MANY, other=[GOOD] * MANY))
    assert split["openai"] == pytest.approx(MANY * 3 / 4, rel=0.1)


async def test_the_slower_gets_less() -> None:
    split = await _split(_play(openai=[_slow(10.0)] * MANY, other=[_slow(1.0)] * MANY))
    assert 0 < split["openai"] < MANY / 10


async def test_a_failure_is_made_up_for_by_the_other() -> None:
    play = _play(openai=[DOWN] * MANY, other=[GOOD] * MANY)
    await _split(play, 50)
    assert play.asked.count("openai") <= 3 + 3, "then it was left alone, but for a trial or two"
    told = [event for event in play.events if isinstance(event, FellBack)]
    assert set(told) == {FellBack("openai", "other", FailureKind.UNAVAILABLE)}


async def test_on_is_heeded_for_who_comes_second() -> None:
    for seed in range(20):
        play = _play(FIRST_ALONE, seed, openai=[DOWN], other=[DOWN])
        seen = await play.chat()
        expected = ["openai"] if seen.asked[0] == "openai" else ["other", "openai"]
        assert seen.asked == expected


async def test_calls_move_before_the_rate_limit_is_hit() -> None:
    told = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "60s",
    }
    last = Answer(200, said("Hi"), told)
    play = _play(openai=[last] * MANY, other=[GOOD] * MANY)
    await _split(play, 50)
    assert play.asked.count("openai") == 1


async def test_who_came_back_is_not_rushed_at() -> None:
    play = _play(openai=[GOOD] * MANY, other=[GOOD] * MANY)
    for _ in range(3):
        _standing(play, "openai").health.failed(FailureKind.UNAVAILABLE, "scripted")
    assert (await _split(play, 20))["openai"] == 0
    play.clock.pass_time(30.0)
    assert (await _split(play, 1))["openai"] == 1, "a trial, which goes well"
    assert (await _split(play, 100))["openai"] < 25
    play.clock.pass_time(SLOW_START_S)
    assert 35 <= (await _split(play, 100))["openai"] <= 65


async def test_a_reload_forgets_nobodys_calls() -> None:
    stream = Stream(sse(ROLE, HELLO), end="stall")
    play = _play(openai=[stream] * 9, other=[stream] * 9)
    tasks = [await play.begin(play.asks(stream=True)) for _ in range(6)]
    before = _in_flight(play)
    assert sum(before.values()) == 6
    play.reload(WEIGHED)
    assert _in_flight(play) == before
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert _in_flight(play) == {"openai": 0, "other": 0}


async def test_every_call_is_refused_alike_when_all_fail() -> None:
    limited = Answer(429, error("slow down"), {"Retry-After": "30"})
    play = _play(openai=[limited], other=[limited])
    seen = await play.chat()
    assert (seen.status, seen.headers["Retry-After"]) == (429, "30")
    assert _in_flight(play) == {"openai": 0, "other": 0}


PHASES = [
    pytest.param(False, [Silence()], [Silence()], 1.0, id="before the headers"),
    pytest.param(False, [DOWN, Silence()], [DOWN, Silence()], 1.0, id="after a failure"),
    pytest.param(True, *[[Stream(sse(ROLE), end="stall")]] * 2, 1.0, id="while it is held"),
    pytest.param(True, *[[Stream(sse(ROLE, HELLO), end="stall")]] * 2, 1.0, id="in mid-stream"),
]


@pytest.mark.parametrize(("stream", "openai", "other", "seconds"), PHASES)
async def test_hanging_up(
    stream: bool, openai: list[Act], other: list[Act], seconds: float
) -> None:
    play = _play(openai=openai, other=other)
    if len(openai) > 1:
        await play.chat()
    before = asyncio.all_tasks()
    task = await play.begin(play.asks(stream=stream), seconds)
    assert sum(_in_flight(play).values()) == 1
    task.cancel()
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before
    assert all(body.closed for body in play.bodies)
    assert play.clock.next_due is None
    assert _in_flight(play) == {"openai": 0, "other": 0}
    ends = [event.end for event in play.events if isinstance(event, CallEnded)]
    assert ends[-1] is End.ABANDONED
