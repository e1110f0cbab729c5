"""Whole calls to an upstream that may be asked only so much at once."""

import asyncio
from typing import Any

import pytest

from proxy.core.event import AttemptStarted, FellBack, PassedOver
from proxy.core.failure import FailureKind
from tests.clock import settle
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    WHOLE_STREAM,
    WORLD,
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
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    limit: {concurrency: 2, wait: 5s}
    retry: {attempts: 2, backoff: {initial: 1s}}
  other:
    dialect: openai
    url: https://other.example
    api_key: k
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
"""
ALONE = POLICY.replace("[openai, other]", "[openai]")
SLOW = Answer(200, said("Hi"), wait_s=3.0)
SLOWER = Answer(200, said("Hi"), wait_s=30.0)
FLOWING = Stream([*sse(ROLE, HELLO), *[1.0, *sse(WORLD)] * 60])


def _counts(play: Play) -> tuple[int, int]:
    """Places in use at openai, and calls that wait for one."""
    places = play.standings.of(play.program.snapshot.upstreams["openai"]).places
    return places.in_use, places.waiting


async def _together(play: Play, calls: int, **fields: Any) -> list[Seen]:
    async def ask_all() -> list[Seen]:
        return await asyncio.gather(*[play._serve(play.asks(**fields)) for _ in range(calls)])

    return await play.clock.run(ask_all())


async def test_no_more_than_may_are_asked_at_once_and_the_others_wait_their_turn() -> None:
    play = Play(ALONE, openai=[SLOW] * 4)
    seen = await _together(play, 4)
    assert [one.status for one in seen] == [200] * 4
    assert [one.took_s for one in seen] == [3.0, 3.0, 6.0, 6.0]
    assert _counts(play) == (0, 0)


async def test_who_waits_too_long_goes_to_the_next_target() -> None:
    play = Play(POLICY, openai=[SLOWER] * 2, other=[GOOD])
    for _ in range(2):
        await play.begin(play.asks())
    seen = await play.chat()
    assert (seen.status, seen.asked, seen.took_s) == (200, ["other"], 5.0)
    assert seen.headers["x-understudy-fallback"] == "true"
    assert [(event.target, event.kind) for event in seen.told(PassedOver)] == [
        ("openai", FailureKind.LIMIT)
    ]
    assert [event.kind for event in seen.told(FellBack)] == [FailureKind.LIMIT]
    assert _counts(play) == (2, 0)


async def test_where_nobody_else_is_there_the_app_is_told_to_come_back() -> None:
    play = Play(ALONE, openai=[SLOWER] * 2)
    for _ in range(2):
        await play.begin(play.asks())
    seen = await play.chat()
    assert (seen.status, seen.asked) == (503, [])
    assert seen.json["error"]["code"] == "limit"
    assert "no place for another call within 5 s" in seen.json["error"]["message"]
    assert seen.headers["retry-after"] == "5"


async def test_waiting_does_not_outlast_the_deadline() -> None:
    play = Play(POLICY, openai=[SLOWER] * 2)
    for _ in range(2):
        await play.begin(play.asks())
    seen = await play.chat(headers={"x-understudy-timeout": "2s"})
    assert (seen.status, seen.asked) == (504, [])
    assert seen.took_s == pytest.approx(1.9)
    kinds = [(event.target, event.kind) for event in seen.told(PassedOver)]
    assert kinds == [("openai", FailureKind.LIMIT), ("other", FailureKind.TIMEOUT_TOTAL)]


async def test_a_stream_has_its_place_until_it_has_ended() -> None:
    play = Play(ALONE, openai=[FLOWING, FLOWING, GOOD])
    first = await play.begin(play.asks(stream=True), 4.0)
    await play.begin(play.asks(stream=True), 4.0)
    assert _counts(play) == (2, 0)
    waiting = await play.begin(play.asks(), 1.0)
    assert _counts(play) == (2, 1)
    first.cancel()
    await settle()
    assert (await play.clock.run(_result(waiting))).status == 200
    assert _counts(play) == (1, 0)


async def _result(task: "asyncio.Task[Any]") -> Any:
    return await task


async def test_who_waits_before_a_retry_holds_no_place() -> None:
    play = Play(ALONE, openai=[DOWN, DOWN, SLOW, GOOD, GOOD])
    for _ in range(2):
        await play.begin(play.asks())
    assert _counts(play) == (0, 0)
    seen = await play.chat()
    assert (seen.status, seen.took_s) == (200, 3.0)
    assert _counts(play) == (0, 0)


BROKEN = [
    pytest.param(False, [DOWN, DOWN], id="down"),
    pytest.param(False, [Answer(400, error("what", "invalid_request_error"))], id="the app's own"),
    pytest.param(False, [Answer(200, b"<html>")], id="a page"),
    pytest.param(True, [Stream(sse(ROLE, HELLO), end="cut")], id="cut"),
    pytest.param(True, [Stream(sse(ROLE, HELLO), end="stall")], id="stalled"),
    pytest.param(True, [Stream(sse(ROLE), end="stall")], id="silent"),
    pytest.param(True, [Stream(WHOLE_STREAM)], id="whole"),
]


@pytest.mark.parametrize(("stream", "acts"), BROKEN)
async def test_however_it_ends_the_place_is_free_again(stream: bool, acts: list[Act]) -> None:
    play = Play(ALONE, openai=acts)
    await play.chat(stream=stream)
    assert _counts(play) == (0, 0)
    assert play.clock.next_due is None


async def test_hanging_up_in_the_queue_asks_nobody() -> None:
    play = Play(POLICY, openai=[Silence(), Silence(), GOOD])
    asking = [await play.begin(play.asks()) for _ in range(2)]
    waiting = await play.begin(play.asks(), 1.0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert _counts(play) == (2, 0)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    assert _counts(play) == (0, 0)
    assert play.asked == ["openai", "openai"]
    assert play.clock.next_due is None
    assert (await play.chat()).asked == ["openai"]


async def test_a_reload_lets_in_who_waits_and_forgets_nobody() -> None:
    play = Play(ALONE, openai=[SLOWER] * 3)
    for _ in range(2):
        await play.begin(play.asks())
    waiting = await play.begin(play.asks(), 1.0)
    play.reload(ALONE.replace("concurrency: 2", "concurrency: 3"))
    await settle()
    assert _counts(play) == (3, 0)
    assert (await play.clock.run(_result(waiting))).status == 200
    assert len([event for event in play.events if isinstance(event, AttemptStarted)]) == 3


def _left(remaining: int, reset: str = "30s") -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": reset,
    }


async def test_traffic_moves_before_the_429() -> None:
    play = Play(
        POLICY,
        openai=[Answer(200, said("Hi"), _left(1)), Answer(200, said("Hi"), _left(0)), GOOD],
        other=[GOOD],
    )
    assert [(await play.chat()).asked for _ in range(3)] == [["openai"], ["openai"], ["other"]]
    play.clock.pass_time(30.0)
    assert (await play.chat()).asked == ["openai"]


async def test_it_moves_to_another_model_of_the_same_provider() -> None:
    policy = POLICY.replace("[openai, other]", "[openai, {upstream: openai, model: gpt-4o-mini}]")
    play = Play(policy, openai=[Answer(200, said("Hi"), _left(0)), GOOD])
    asked = [call.model for _ in range(2) for call in (await play.chat()).calls]
    assert asked == ["gpt-4o", "gpt-4o-mini"]


async def test_where_nobody_else_is_there_the_provider_is_asked_all_the_same() -> None:
    play = Play(ALONE, openai=[Answer(200, said("Hi"), _left(0)), GOOD])
    assert [(await play.chat()).status for _ in range(2)] == [200, 200]


async def test_a_429_with_a_wait_moves_all_traffic_for_that_long() -> None:
    refused = Answer(
        429, error("slow down", "requests", "rate_limit_exceeded"), {"retry-after": "20"}
    )
    play = Play(POLICY, openai=[refused, GOOD], other=[GOOD] * 2)
    assert (await play.chat()).asked == ["openai", "other"]
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(20.0)
    assert (await play.chat()).asked == ["openai"]


async def test_what_is_not_to_be_learned_is_not() -> None:
    policy = POLICY.replace("wait: 5s", "wait: 5s, learn: false")
    play = Play(policy, openai=[Answer(200, said("Hi"), _left(0)), GOOD])
    assert [(await play.chat()).asked for _ in range(2)] == [["openai"], ["openai"]]
