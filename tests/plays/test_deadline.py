"""Whole calls that have to end in time, whatever is tried on the way."""

from typing import Any

import pytest

from proxy.core.event import AttemptEnded, FellBack, NoRetry, PassedOver, Retrying, RetryRefused
from proxy.core.failure import FailureKind
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
    Refuse,
    Silence,
    Stream,
    said,
    sse,
)

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 3, backoff: {initial: 4s, factor: 1}}
    timeout: {first_byte: 8s, total: 60s}
    breaker: {consecutive: 1}
  other:
    dialect: openai
    url: https://other.example
    api_key: k
    retry: {attempts: 1}
    timeout: {first_byte: 8s, total: 60s}
routes:
  - name: chat
    match: {upstream: openai}
    deadline: 10s
    targets: [openai, other]
"""
MOCKED = POLICY + "    last_resort: mock\n"
FREE = POLICY.replace("    deadline: 10s\n", "")


def _health(play: Play, name: str) -> tuple[int, str]:
    """Failures of `name`, and the state of its breaker."""
    standing = play.standings.of(play.program.snapshot.upstreams[name])
    return standing.health.report().failure_count, standing.breaker.state


async def test_a_silent_target_uses_up_its_own_time_and_no_more() -> None:
    play = Play(POLICY, openai=[Stream(sse(ROLE), end="stall")], other=[Stream()])
    seen = await play.chat(stream=True)
    assert (seen.status, seen.asked, seen.took_s) == (200, ["openai", "other"], 8.0)
    assert [event.kind for event in seen.told(FellBack)] == [FailureKind.TIMEOUT_FIRST_BYTE]


@pytest.mark.parametrize("stream", [False, True])
async def test_when_the_time_is_up_the_app_is_told_what_was_waited_for(stream: bool) -> None:
    policy = POLICY.replace("first_byte: 8s", "first_byte: 30s")
    unreachable = Refuse(FailureKind.TIMEOUT_CONNECT, sent=False)
    play = Play(policy, openai=[unreachable], other=[Silence()])
    seen = await play.chat(stream=stream)
    assert (seen.status, seen.asked, seen.took_s) == (504, ["openai", "other"], 10.0)
    assert "the time for the whole call was up" in seen.json["error"]["message"]
    assert _health(play, "other") == (0, "closed"), "it had no fair chance"


async def test_what_the_deadline_cut_short_is_nobodys_fault() -> None:
    play = Play(POLICY, openai=[Silence()])
    seen = await play.chat()
    assert (seen.status, seen.asked, seen.took_s) == (504, ["openai"], 10.0)
    assert _health(play, "openai") == (0, "closed")
    (passed_over,) = seen.told(PassedOver)
    assert (passed_over.target, passed_over.kind) == ("other", FailureKind.TIMEOUT_TOTAL)
    assert [event.kind for event in seen.told(AttemptEnded)] == [FailureKind.TIMEOUT_TOTAL]


async def test_a_silence_that_is_too_long_by_its_own_time_is_its_fault() -> None:
    play = Play(POLICY, openai=[Silence()], other=[GOOD])
    await play.chat(stream=True)
    assert _health(play, "openai") == (1, "open")


async def test_a_stand_in_still_has_its_turn() -> None:
    seen = await Play(MOCKED, openai=[Silence()]).chat()
    assert (seen.status, seen.took_s) == (200, 10.0)
    assert seen.headers["x-understudy-source"] == "mock"


async def test_no_wait_that_leaves_no_time_for_an_answer() -> None:
    relaxed = POLICY.replace("consecutive: 1", "consecutive: 9")
    play = Play(relaxed, openai=[DOWN] * 3, other=[GOOD])
    seen = await play.chat()
    assert (seen.status, seen.took_s) == (200, 8.0)
    assert seen.asked == ["openai"] * 3 + ["other"]
    sooner = relaxed.replace("deadline: 10s", "deadline: 8s")
    seen = await Play(sooner, openai=[DOWN] * 2, other=[GOOD]).chat()
    assert (seen.status, seen.took_s, seen.asked) == (200, 4.0, ["openai"] * 2 + ["other"])
    assert [event.reason for event in seen.told(RetryRefused)] == [NoRetry.TIME]
    assert [event.wait_s for event in seen.told(Retrying)] == [4.0]


async def test_a_hint_that_does_not_fit_leads_to_the_next_target_at_once() -> None:
    hint = Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": "10"})
    seen = await Play(POLICY, openai=[hint], other=[GOOD]).chat()
    assert (seen.status, seen.asked, seen.took_s) == (200, ["openai", "other"], 0.0)
    assert [event.reason for event in seen.told(RetryRefused)] == [NoRetry.TIME]


STREAMED = [*sse(ROLE), 3.0, *sse(HELLO), *[3.0, *sse(WORLD)] * 9]


async def test_a_stream_that_goes_on_for_too_long_ends_with_an_error() -> None:
    play = Play(POLICY, openai=[Stream(STREAMED)])
    seen = await play.chat(stream=True)
    assert (seen.end, seen.took_s) == (End.BROKEN, 10.0)
    assert seen.broke is not None
    assert (seen.broke.kind, seen.broke.blameless) == (FailureKind.TIMEOUT_TOTAL, True)
    assert _health(play, "openai") == (0, "closed")


PATIENCE = [
    pytest.param({"x-understudy-timeout": "4"}, False, 3.8, id="the whole call"),
    pytest.param({"x-understudy-timeout": "4"}, True, 3.8, id="of a stream too"),
    pytest.param({"x-stainless-read-timeout": "4"}, False, 3.8, id="an SDK's silence"),
    pytest.param({"x-stainless-timeout": "4.0"}, False, 3.8, id="the other SDK's"),
    pytest.param({"x-stainless-read-timeout": "600"}, False, 60.0, id="longer than anything"),
]


@pytest.mark.parametrize(("headers", "stream", "took_s"), PATIENCE)
async def test_the_app_hears_from_us_before_it_gives_up(
    headers: dict[str, str], stream: bool, took_s: float
) -> None:
    alone = FREE.replace("[openai, other]", "[openai]")
    play = Play(alone, openai=[Silence()])
    seen = await play.chat(stream=stream, headers=headers)
    assert seen.status == 504
    assert seen.took_s == pytest.approx(took_s)


async def test_a_stream_may_go_on_for_longer_than_its_sdk_bears_silence() -> None:
    seen = await Play(FREE, openai=[Stream(STREAMED)]).chat(
        stream=True, headers={"x-stainless-read-timeout": "4"}
    )
    assert seen.took_s == 30.0


async def test_a_plain_answer_of_an_app_that_waits_is_not_hurried() -> None:
    act = Answer(200, said("Hi"), wait_s=40.0)
    seen = await Play(FREE, openai=[act]).chat(headers={"x-stainless-read-timeout": "600"})
    assert (seen.status, seen.took_s) == (200, 40.0)


async def test_who_never_answers_that_fast_is_not_asked_second() -> None:
    slow: list[Act] = [Answer(200, said("Hi"), wait_s=6.0) for _ in range(20)]
    play = Play(
        POLICY.replace("consecutive: 1", "consecutive: 9"),
        openai=[Refuse(FailureKind.BROKEN_STREAM)] * 20 + [_late_cut()],
        other=slow,
    )
    for _ in range(20):
        assert (await play.chat()).asked == ["openai", "other"]
        play.clock.pass_time(60.0)
    seen: Any = await play.chat()
    assert seen.asked == ["openai"], "no more than five seconds are left, and it takes six"
    assert [event.target for event in seen.told(PassedOver)] == ["other"]
    assert seen.took_s == 5.0


def _late_cut() -> Stream:
    return Stream([5.0], end="cut")
