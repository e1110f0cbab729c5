"""The app hangs up, in every phase of a call: nothing runs on, nothing is held, one end is told."""

import asyncio
from typing import Any

import pytest

from proxy.core.event import AttemptStarted, CacheLooked, CacheOutcome, CallEnded, CallStarted
from proxy.core.reply import End
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    WORLD,
    Act,
    Answer,
    Play,
    Silence,
    Stream,
    error,
    sse,
)

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 2, backoff: {initial: 5s}}
    breaker: {consecutive: 1, open: 30s}
  other:
    dialect: openai
    url: https://other.example
    api_key: k
    retry: {attempts: 1}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
    cache: {ttl: 10m}
    last_resort: mock
"""
HELD = Stream(sse(ROLE), end="stall")
FLOWING = Stream([*sse(ROLE, HELLO), *[1.0, *sse(WORLD)] * 60])
STALLED = Stream(sse(ROLE, HELLO), end="stall")
SLOW_REFUSAL = Answer(429, error("slow down"), wait_s=2.0)

PHASES = [
    pytest.param(False, {"openai": [Silence()]}, 0.0, id="at once"),
    pytest.param(False, {"openai": [Silence()]}, 1.0, id="before the headers"),
    pytest.param(True, {"openai": [Silence()]}, 1.0, id="before a stream's headers"),
    pytest.param(True, {"openai": [HELD]}, 1.0, id="while it is held"),
    pytest.param(True, {"openai": [FLOWING]}, 10.5, id="in mid-stream"),
    pytest.param(True, {"openai": [STALLED]}, 1.0, id="while a stream is silent"),
    pytest.param(False, {"openai": [SLOW_REFUSAL, GOOD]}, 4.0, id="between two attempts"),
    pytest.param(False, {"openai": [DOWN], "other": [Silence()]}, 1.0, id="at the second target"),
    pytest.param(True, {"openai": [DOWN], "other": [HELD]}, 1.0, id="while the second is held"),
    pytest.param(True, {"openai": [DOWN], "other": [STALLED]}, 1.0, id="in the second's stream"),
]


async def _hang_up(task: "asyncio.Task[Any]") -> None:
    assert not task.done(), "the play was to stop in the middle"
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize(("stream", "scripts", "seconds"), PHASES)
async def test_hanging_up(stream: bool, scripts: dict[str, list[Act]], seconds: float) -> None:
    play = Play(POLICY, **scripts)
    before = asyncio.all_tasks()
    await _hang_up(await play.begin(play.asks(stream=stream), seconds))

    assert asyncio.all_tasks() == before, "nothing runs on"
    assert all(body.closed for body in play.bodies), "every answer was given back"
    assert play.clock.next_due is None, "no timer is left"
    assert len([event for event in play.events if isinstance(event, CallStarted)]) == 1
    (ended,) = [event for event in play.events if isinstance(event, CallEnded)]
    assert ended.end is End.ABANDONED
    assert play.events[-1] is ended, "its end is the last that is told of a call"
    assert play.store.stats().entries == 0, "half an answer is not kept"
    asked = len(play.asked)
    play.clock.pass_time(1000.0)
    await asyncio.sleep(0)
    assert len(play.asked) == asked, "nobody is asked on behalf of who has left"


@pytest.mark.parametrize(
    ("stream", "act"),
    [(False, Silence()), (True, HELD), (True, FLOWING), (True, STALLED)],
    ids=["before the headers", "while it is held", "in mid-stream", "while it is silent"],
)
async def test_a_probe_that_nobody_waits_for_leaves_its_place(stream: bool, act: Act) -> None:
    play = Play(POLICY, openai=[DOWN, act, GOOD], other=[GOOD])
    await play.chat()
    play.clock.pass_time(30.0)
    task = await play.begin(play.asks(stream=stream, extra={"seed": 1}), 1.0)
    breaker = play.standings.of(play.program.snapshot.upstreams["openai"]).breaker
    assert breaker.state == "half_open"
    await _hang_up(task)
    assert breaker.state == "half_open", "no news: neither well nor ill"
    assert (await play.chat(extra={"seed": 2})).asked == ["openai"]
    assert breaker.state == "closed"


async def test_who_hangs_up_leaves_the_others_alone() -> None:
    play = Play(POLICY, openai=[FLOWING, Stream([*sse(ROLE, HELLO), 20.0, *sse(WORLD)])])
    leaving = await play.begin(play.asks(stream=True), 5.0)
    staying = await play.begin(play.asks(stream=True, extra={"seed": 1}), 5.0)
    await _hang_up(leaving)
    seen = await play.clock.run(_result(staying))
    assert b" world" in seen.body


async def _result(task: "asyncio.Task[Any]") -> Any:
    return await task


async def test_the_end_of_an_abandoned_stream_says_how_far_it_came() -> None:
    play = Play(POLICY, openai=[FLOWING])
    await _hang_up(await play.begin(play.asks(stream=True), 2.5))
    (ended,) = [event for event in play.events if isinstance(event, CallEnded)]
    assert ended.bytes_sent == len(b"".join(sse(ROLE, HELLO, WORLD, WORLD)))
    assert (ended.status, ended.target, ended.duration_s) == (200, "openai", 2.5)
    assert len([event for event in play.events if isinstance(event, AttemptStarted)]) == 1


async def test_an_answer_that_is_abandoned_is_not_kept() -> None:
    play = Play(POLICY, openai=[FLOWING, Stream()])
    await _hang_up(await play.begin(play.asks(stream=True), 2.5))
    seen = await play.chat(stream=True)
    assert seen.asked == ["openai"]
    looks = [event.outcome for event in seen.told(CacheLooked)]
    assert looks == [CacheOutcome.MISS, CacheOutcome.STORED]
