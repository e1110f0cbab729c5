"""Whole calls while an upstream's breaker opens, stays open, probes and closes."""

import asyncio

import pytest

from proxy.core.event import BreakerMoved, PassedOver
from proxy.core.failure import FailureKind
from proxy.core.reply import End
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    WHOLE_STREAM,
    Act,
    Answer,
    Flaw,
    Play,
    Refuse,
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
    retry: {attempts: 1}
    breaker: {consecutive: 3, open: 30s}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 1}}
routes:
  - {name: alone, match: {upstream: openai, headers: {x-alone: "1"}}, targets: [openai]}
  - {name: chat, match: {upstream: openai}, targets: [openai, other]}
"""
ALONE = {"x-alone": "1"}


async def _opened(*then: Act, policy: str = POLICY) -> Play:
    play = Play(policy, openai=[DOWN] * 3 + list(then), other=[GOOD] * 200)
    for _ in range(3):
        assert (await play.chat()).asked == ["openai", "other"]
    assert _state(play) == "open"
    return play


def _state(play: Play) -> str:
    return play.standings.of(play.program.snapshot.upstreams["openai"]).breaker.state


async def test_an_open_breaker_leads_to_the_next_target_without_a_call() -> None:
    play = await _opened()
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["other"])
    assert seen.headers["x-understudy-attempts"] == "1"
    assert seen.headers["x-understudy-fallback"] == "true"
    assert 'next-hop="openai"' in seen.headers["Proxy-Status"]
    assert 'details="circuit_open"' in seen.headers["Proxy-Status"]
    assert [event.kind for event in seen.told(PassedOver)] == [FailureKind.CIRCUIT_OPEN]


async def test_where_there_is_no_other_the_app_learns_when_to_come_back() -> None:
    play = await _opened()
    play.clock.pass_time(10.0)
    seen = await play.chat(headers=ALONE)
    assert (seen.status, seen.asked) == (503, [])
    assert seen.headers["Retry-After"] == "20"
    assert seen.headers["x-should-retry"] == "false"
    assert seen.headers["x-understudy-attempts"] == "0"
    assert seen.json["error"]["code"] == "circuit_open"
    assert [row["kind"] for row in seen.json["error"]["attempts"]] == ["circuit_open"]


async def test_it_is_told_so_without_a_route_as_well() -> None:
    policy = POLICY.partition("routes:")[0]
    play = Play(policy, openai=[DOWN] * 3)
    for _ in range(3):
        assert (await play.chat()).status == 503
    seen = await play.chat()
    assert [row["kind"] for row in seen.json["error"]["attempts"]] == ["circuit_open"]
    assert 'details="circuit_open"' in seen.headers["Proxy-Status"]


async def test_one_probe_that_succeeds_brings_it_back() -> None:
    play = await _opened(GOOD, GOOD)
    play.clock.pass_time(30.0)
    assert (await play.chat()).asked == ["openai"]
    assert _state(play) == "closed"
    assert (await play.chat()).asked == ["openai"]


async def test_one_probe_that_fails_shuts_it_again() -> None:
    play = await _opened(DOWN)
    play.clock.pass_time(30.0)
    assert (await play.chat()).asked == ["openai", "other"]
    assert _state(play) == "open"
    play.clock.pass_time(29.0)
    assert (await play.chat()).asked == ["other"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_of_a_hundred_calls_at_once_one_probes(stream: bool) -> None:
    probe = Stream([*WHOLE_STREAM[:2], 5.0, *WHOLE_STREAM[2:]]) if stream else GOOD
    play = await _opened(probe)
    play.scripts["other"][:] = [Stream()] * 99 if stream else [GOOD] * 99
    play.clock.pass_time(30.0)
    asked = len(play.asked)
    calls = [play.asks(stream=stream) for _ in range(100)]

    async def everybody() -> list[Seen]:
        return await asyncio.gather(*[play._serve(call) for call in calls])

    seen = await play.clock.run(everybody())
    assert {one.status for one in seen} == {200}
    assert play.asked[asked:].count("openai") == 1
    assert play.asked[asked:].count("other") == 99
    assert _state(play) == "closed"


async def test_a_probe_that_does_not_end_shuts_nobody_out_for_good() -> None:
    play = await _opened(Stream([*sse(ROLE, HELLO), *[20.0, *sse(HELLO)] * 60]), GOOD)
    play.clock.pass_time(30.0)
    slow = await play.begin(play.asks(stream=True), 29.0)
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(1.0)
    assert (await play.chat()).asked == ["openai"]
    assert _state(play) == "closed"
    slow.cancel()
    await asyncio.wait([slow])


async def test_a_stream_is_no_success_before_its_end() -> None:
    play = await _opened(Stream(sse(ROLE, HELLO), end="cut"))
    play.clock.pass_time(30.0)
    seen = await play.chat(stream=True)
    assert seen.end is End.BROKEN
    assert _state(play) == "open", "the probe failed, though it began well"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(400, error("no", "invalid_request_error")), id="bad request"),
        pytest.param(Answer(401, error("no", code="invalid_api_key")), id="own key"),
        pytest.param(Answer(429, error("slow down")), id="rate limit"),
        pytest.param(Answer(404, error("?", code="model_not_found")), id="no such model"),
        pytest.param(Flaw(ZeroDivisionError()), id="a bug of ours"),
    ],
)
async def test_what_is_not_the_targets_fault_does_not_open_it(answer: Act) -> None:
    play = Play(POLICY, openai=[answer] * 20, other=[GOOD] * 20)
    for _ in range(20):
        await play.chat()
    assert _state(play) == "closed"
    health = play.standings.of(play.program.snapshot.upstreams["openai"]).health.report()
    assert health.failure_count == 0


async def test_hang_ups_do_not_open_it() -> None:
    play = Play(POLICY, openai=[Silence()] * 10 + [Stream(sse(ROLE, HELLO), end="stall")] * 10)
    for turn in range(20):
        task = await play.begin(play.asks(stream=turn >= 10, headers=ALONE), 1.0)
        task.cancel()
        await asyncio.wait([task])
    assert _state(play) == "closed"


async def test_retries_stop_when_it_opens_and_the_reason_is_kept() -> None:
    policy = POLICY.replace("attempts: 1}\n    breaker", "attempts: 9}\n    breaker")
    play = Play(policy, openai=[DOWN, DOWN, Refuse()], other=[GOOD])
    seen = await play.chat()
    assert seen.asked == ["openai"] * 3 + ["other"]
    play = Play(policy, openai=[DOWN, DOWN, Answer(500, error("third"))])
    seen = await play.chat(headers=ALONE)
    assert (seen.status, seen.json) == (500, error("third")), "not: its breaker is open"


async def test_a_reload_forgets_nothing() -> None:
    play = await _opened(GOOD)
    play.reload(POLICY.replace("consecutive: 3", "consecutive: 5"))
    assert (await play.chat()).asked == ["other"]
    play.clock.pass_time(30.0)
    assert (await play.chat()).asked == ["openai"]
    assert [event.after for event in play.events if isinstance(event, BreakerMoved)] == [
        "open",
        "half_open",
        "closed",
    ]


async def test_one_upstreams_breaker_is_nobody_elses() -> None:
    play = await _opened()
    play.scripts["other"][:] = [GOOD]
    assert (await play.chat(upstream="other")).status == 200


async def test_it_stays_open_for_as_long_as_the_provider_wishes() -> None:
    busy = Answer(503, error("maintenance"), {"Retry-After": "100"})
    play = Play(POLICY, openai=[busy] * 3 + [GOOD], other=[GOOD] * 4)
    for _ in range(3):
        await play.chat()
    play.clock.pass_time(99.0)
    assert (await play.chat()).asked == ["other"]
    seen = await play.chat(headers=ALONE)
    assert (seen.status, seen.asked, seen.headers["Retry-After"]) == (503, [], "1")
    play.clock.pass_time(1.0)
    assert (await play.chat()).asked == ["openai"]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Answer(401, error("no", code="invalid_api_key")), id="auth"),
        pytest.param(Answer(429, error("no credit", code="insufficient_quota")), id="quota"),
    ],
)
async def test_a_key_of_ours_that_is_refused_is_left_alone_for_longer(refusal: Act) -> None:
    policy = POLICY.replace("other: {", "other: {breaker: {consecutive: 3, open: 30s}, ")
    play = Play(policy, openai=[DOWN] * 3 + [GOOD] * 9, other=[refusal] * 3)
    for _ in range(3):
        assert (await play.chat()).asked == ["openai", "other"]
    breaker = play.standings.of(play.program.snapshot.upstreams["other"]).breaker
    assert (breaker.state, breaker.retry_after_s) == ("open", 300.0)


SLOW = POLICY.replace("consecutive: 3", "window: 2m, slow_call: 5s, slow_rate: 0.9")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_answers_that_begin_late_open_it(stream: bool) -> None:
    late: Act = Stream([6.0, *WHOLE_STREAM]) if stream else Answer(200, said("Hi"), wait_s=6.0)
    play = Play(SLOW, openai=[late] * 10, other=[Stream() if stream else GOOD])
    for _ in range(10):
        assert (await play.chat(stream=stream)).asked == ["openai"]
    assert _state(play) == "open"
    seen = await play.chat(stream=stream)
    assert seen.asked == ["other"]
    (passed_over,) = seen.told(PassedOver)
    assert "10 of 10 calls in 120 s were slow" in passed_over.reason


async def test_answers_that_begin_soon_and_take_long_do_not() -> None:
    play = Play(SLOW, openai=[Stream([*WHOLE_STREAM[:2], 20.0, *WHOLE_STREAM[2:]])] * 12)
    for _ in range(12):
        assert (await play.chat(stream=True)).asked == ["openai"]
    assert _state(play) == "closed"


TRY = POLICY.replace("targets: [openai]}", "targets: [openai], when_all_open: try}")


async def test_who_has_nobody_else_is_let_through_and_brings_it_back() -> None:
    play = await _opened(DOWN, GOOD, GOOD, policy=TRY)
    play.clock.pass_time(10.0)
    seen = await play.chat(headers=ALONE)
    assert (seen.status, seen.asked) == (503, ["openai"])
    assert seen.json == error("down")
    assert (await play.chat()).asked == ["other"], "its failure has changed nothing"
    seen = await play.chat(headers=ALONE)
    assert (seen.status, seen.asked) == (200, ["openai"])
    assert (await play.chat()).asked == ["openai"]


async def test_who_insists_and_fails_makes_nobody_wait_for_longer() -> None:
    play = await _opened(DOWN, GOOD, policy=TRY)
    play.clock.pass_time(29.0)
    await play.chat(headers=ALONE)
    assert _state(play) == "open"
    play.clock.pass_time(1.0)
    breaker = play.standings.of(play.program.snapshot.upstreams["openai"]).breaker
    assert breaker.retry_after_s == 0.0
