"""Whole calls through a route whose targets are asked beside one another."""

import asyncio
from typing import Any

import pytest

from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    CallEnded,
    FellBack,
    Hedged,
    PassedOver,
)
from proxy.core.failure import FailureKind
from proxy.core.reply import STOPPING, End
from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.state import Standing
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    WHOLE_STREAM,
    WORLD,
    Act,
    Answer,
    Flaw,
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
defaults: {retry: {attempts: 1}}
upstreams:
  openai: {dialect: openai, url: https://api.openai.com}
  other: {dialect: openai, url: https://other.example, api_key: k}
  third: {dialect: openai, url: https://third.example, api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    strategy: fastest
    hedge_after: 2s
    targets: [openai, other, third]
"""
RACE = POLICY.replace("hedge_after: 2s", "hedge_after: 0s")
UNSAID = POLICY.replace("    hedge_after: 2s\n", "")
ONE_MORE = POLICY.replace("hedge_after: 2s", "hedge_after: 2s\n    extra_calls: 1")
NO_BUDGET = POLICY.replace("{attempts: 1}", "{attempts: 1, budget: {ratio: 0, min_per_second: 0}}")

HELD = Stream(sse(ROLE), end="stall")
SLOW_STREAM = Stream([5.0, *WHOLE_STREAM])


def _slow(wait_s: float, text: str = "slow") -> Answer:
    return Answer(200, said(text), wait_s=wait_s)


def _upstream(play: Play, name: str) -> Upstream:
    return play.program.snapshot.upstreams[name]


def _standing(play: Play, name: str) -> Standing:
    return play.standings.of(_upstream(play, name))


def _counts(play: Play, name: str) -> tuple[int, int]:
    report = _standing(play, name).health.report()
    return report.success_count, report.failure_count


async def test_who_is_silent_for_too_long_gets_company_and_the_first_answer_wins() -> None:
    play = Play(POLICY, openai=[_slow(60.0)], other=[_slow(1.0, "other")])
    seen = await play.chat()
    assert seen.json == said("other")
    assert seen.took_s == 3.0
    assert seen.asked == ["openai", "other"]
    assert seen.told(Hedged) == [Hedged("openai", "other", 2.0)]
    assert seen.told(AttemptCancelled) == [AttemptCancelled("openai", 1, 3.0)]
    assert not seen.told(FellBack), "nobody failed"
    assert seen.headers["x-understudy-target"] == "other"
    assert seen.headers["x-understudy-attempts"] == "2"
    assert "Proxy-Status" not in seen.headers


async def test_a_stream_has_begun_when_it_says_something() -> None:
    play = Play(POLICY, openai=[HELD], other=[Stream()])
    seen = await play.chat(stream=True)
    assert seen.body == b"".join(WHOLE_STREAM)
    assert seen.took_s == 2.0
    assert all(body.closed for body in play.bodies)


async def test_a_loser_is_neither_a_success_nor_a_failure() -> None:
    play = Play(POLICY, openai=[_slow(60.0)] * 9, other=[GOOD] * 9)
    for _ in range(9):
        await play.chat()
    assert _counts(play, "openai") == (0, 0)
    assert _counts(play, "other") == (9, 0)
    assert _standing(play, "openai").breaker.state == "closed"
    assert _standing(play, "openai").places.in_use == 0


async def test_two_that_answer_at_the_same_moment() -> None:
    play = Play(RACE, openai=[_slow(60.0)], other=[SLOW_STREAM], third=[SLOW_STREAM])
    task = await play.begin(play.asks(stream=True))
    play.clock.pass_time(5.0)
    seen = await play.clock.run(_result(task))
    assert seen.body == b"".join(WHOLE_STREAM)
    assert all(body.closed for body in play.bodies)
    answered = [event.target for event in seen.told(AttemptEnded)]
    winner = seen.headers["x-understudy-target"]
    assert winner in answered
    assert _counts(play, winner) == (1, 0)
    (loser,) = {"other", "third"} - {winner}
    assert _counts(play, loser) == (0, 0)


async def test_a_race_asks_all_at_once() -> None:
    play = Play(RACE, openai=[_slow(3.0)], other=[_slow(2.0, "other")], third=[_slow(9.0)])
    seen = await play.chat()
    assert (seen.json, seen.took_s) == (said("other"), 2.0)
    assert {event.waited_s for event in seen.told(Hedged)} == {0.0}


async def test_who_fails_in_a_race_is_not_waited_for() -> None:
    play = Play(RACE, openai=[DOWN], other=[Answer(401, error("no"))], third=[_slow(9.0)])
    seen = await play.chat()
    assert (seen.status, seen.took_s) == (200, 9.0)
    assert seen.told(FellBack) == [FellBack("other", "third", FailureKind.AUTH)]
    assert seen.headers["x-understudy-fallback"] == "true"


async def test_when_all_fail_every_attempt_is_told() -> None:
    play = Play(RACE, openai=[DOWN], other=[DOWN], third=[Answer(429, error("slow down"))])
    seen = await play.chat()
    assert seen.status == 429
    told = seen.json["error"]
    assert told["type"] == "fallback_exhausted"
    assert {row["target"] for row in told["attempts"]} == {"openai", "other", "third"}


async def test_the_apps_own_mistake_comes_back_unchanged() -> None:
    mistake = error("temperature is too high", "invalid_request_error")
    play = Play(POLICY, openai=[Answer(400, mistake, wait_s=1.0)])
    seen = await play.chat()
    assert (seen.status, seen.json, seen.asked) == (400, mistake, ["openai"])


async def test_a_failure_brings_in_the_next_at_once() -> None:
    play = Play(POLICY, openai=[DOWN], other=[GOOD])
    seen = await play.chat()
    assert (seen.status, seen.took_s, seen.asked) == (200, 0.0, ["openai", "other"])
    assert seen.told(FellBack) == [FellBack("openai", "other", FailureKind.UNAVAILABLE)]


async def test_without_a_figure_the_slowest_twentieth_is_what_is_waited_for() -> None:
    play = Play(UNSAID, openai=[_slow(1.0)] * 20 + [_slow(60.0)], other=[GOOD])
    for _ in range(20):
        assert (await play.chat()).asked == ["openai"], "nobody knows yet how long it takes"
    seen = await play.chat()
    assert seen.asked == ["openai", "other"]
    assert seen.told(Hedged) == [Hedged("openai", "other", 1.0)]


async def test_no_more_extra_calls_than_the_policy_pays_for() -> None:
    play = Play(ONE_MORE, openai=[_slow(60.0)], other=[_slow(20.0)])
    seen = await play.chat()
    assert (seen.asked, seen.took_s) == (["openai", "other"], 22.0)


async def test_nor_than_the_budget_of_who_is_asked_has() -> None:
    play = Play(NO_BUDGET, openai=[_slow(60.0)])
    seen = await play.chat()
    assert (seen.asked, seen.took_s) == (["openai"], 60.0)
    play = Play(NO_BUDGET.replace("2s", "0s"), openai=[_slow(9.0)], other=[GOOD], third=[GOOD])
    assert len((await play.chat()).asked) == 3, "a race is what the policy asks for"


async def test_many_slow_calls_do_not_double_the_load() -> None:
    """Those that are slow first pay, of what they were asked: a fifth of it, and one a second."""
    policy = POLICY.replace("{attempts: 1}", "{attempts: 1, budget: {min_per_second: 1}}")
    slow = [_slow(5.0)] * 200
    play = Play(policy, openai=slow, other=list(slow), third=list(slow))
    tasks = [await play.begin(play.asks()) for _ in range(200)]
    for task in tasks:
        assert (await play.clock.run(_result(task))).status == 200
    first, second = 200 * 0.2 + 10, (200 * 0.2 + 10) * 0.2 + 10
    assert 200 + first <= len(play.asked) <= 200 + first + second


async def test_what_may_have_an_effect_is_asked_of_one() -> None:
    play = Play(RACE, openai=[_slow(9.0)])
    seen = await play.serve(play.call(b"{}", "/v1/files"))
    assert (seen.status, seen.asked) == (200, ["openai"])


async def test_who_is_better_left_alone_is_not_raced() -> None:
    play = Play(RACE, openai=[], other=[GOOD] * 2, third=[_slow(9.0)] * 2)
    for _ in range(3):
        _standing(play, "openai").health.failed(FailureKind.UNAVAILABLE, "scripted")
    seen = await play.chat()
    assert sorted(seen.asked) == ["other", "third"]
    assert [event.target for event in seen.told(PassedOver)] == ["openai"]


async def test_the_deadline_ends_a_race_and_blames_nobody() -> None:
    policy = RACE.replace("hedge_after", "deadline: 4s\n    hedge_after")
    play = Play(policy, openai=[Silence()], other=[Silence()], third=[Silence()])
    seen = await play.chat()
    assert (seen.status, seen.took_s) == (504, 4.0)
    assert all(_counts(play, name) == (0, 0) for name in ("openai", "other", "third"))


async def test_a_bug_of_ours_ends_everything() -> None:
    play = Play(RACE, openai=[Silence()], other=[Flaw(ZeroDivisionError())], third=[Silence()])
    seen = await play.chat()
    assert seen.status == 500
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def _result(task: "asyncio.Task[Seen]") -> Seen:
    return await task


PHASES: list[Any] = [
    pytest.param(POLICY, False, {}, 0.0, id="at once"),
    pytest.param(POLICY, False, {}, 1.0, id="while the first is alone"),
    pytest.param(POLICY, False, {}, 2.0, id="just when the second is asked"),
    pytest.param(POLICY, False, {}, 3.0, id="with two"),
    pytest.param(POLICY, False, {}, 9.0, id="with three"),
    pytest.param(POLICY, True, {"openai": [HELD], "other": [HELD]}, 3.0, id="with two held"),
    pytest.param(POLICY, False, {"openai": [DOWN]}, 1.0, id="after the first has failed"),
    pytest.param(POLICY, False, {"openai": [Answer(503, wait_s=3.0)]}, 3.5, id="and beside it"),
    pytest.param(POLICY, False, {"other": [DOWN]}, 3.0, id="after the hedge has failed"),
    pytest.param(RACE, False, {}, 0.0, id="a race at once"),
    pytest.param(RACE, False, {"other": [DOWN]}, 1.0, id="a race that one has lost"),
    pytest.param(RACE, True, {"third": [HELD]}, 1.0, id="a race, one being held"),
]


@pytest.mark.parametrize("stopping", [False, True], ids=["a hang-up", "the proxy stops"])
@pytest.mark.parametrize(("policy", "stream", "scripts", "seconds"), PHASES)
async def test_cancelled(
    policy: str, stream: bool, scripts: dict[str, list[Act]], seconds: float, stopping: bool
) -> None:
    silent: dict[str, list[Act]] = {name: [Silence()] for name in ("openai", "other", "third")}
    play = Play(policy, **{**silent, **scripts})
    before = asyncio.all_tasks()
    task = await play.begin(play.asks(stream=stream), seconds)
    assert not task.done()
    task.cancel(STOPPING if stopping else None)
    await asyncio.wait([task])

    assert asyncio.all_tasks() == before, "nobody runs on"
    assert all(body.closed for body in play.bodies)
    assert play.clock.next_due is None
    (ended,) = [event for event in play.events if isinstance(event, CallEnded)]
    if stopping:
        assert task.result().status == 503, "its word got through"
        assert ended.end is End.COMPLETE
    else:
        assert task.cancelled()
        assert ended.end is End.ABANDONED
    for name in ("openai", "other", "third"):
        assert _standing(play, name).places.in_use == 0
        failed = any(isinstance(act, Answer) for act in scripts.get(name, []))
        assert _counts(play, name) == (0, int(failed))


async def test_hanging_up_in_the_winners_stream() -> None:
    flowing = Stream([*sse(ROLE, HELLO), *[1.0, *sse(WORLD)] * 60])
    play = Play(POLICY, openai=[Silence()], other=[flowing])
    before = asyncio.all_tasks()
    task = await play.begin(play.asks(stream=True), 10.0)
    task.cancel()
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before
    assert all(body.closed for body in play.bodies)
    assert play.clock.next_due is None
    assert [event.end for event in play.events if isinstance(event, CallEnded)] == [End.ABANDONED]


async def test_a_loser_at_half_open_leaves_its_place() -> None:
    play = Play(POLICY, openai=[Silence(), GOOD], other=[GOOD])
    breaker = _standing(play, "openai").breaker
    for _ in range(5):
        breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
    play.clock.pass_time(30.0)
    assert (await play.chat()).asked == ["openai", "other"]
    assert breaker.state == "half_open"
    assert (await play.chat()).asked == ["openai"]
    assert breaker.state == "closed"
