"""Whole calls through a route of two targets while the first one fails."""

import pytest

from proxy.core.event import AttemptEnded, FellBack, PassedOver
from proxy.core.failure import FailureKind
from proxy.core.reply import End
from tests.plays.stage import (
    DONE,
    HELLO,
    ROLE,
    STOP,
    WHOLE_STREAM,
    WORLD,
    Act,
    Answer,
    Play,
    Refuse,
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
  other:
    dialect: openai
    url: https://other.example/api
    api_key: ${OTHER_KEY}
    models: {gpt-4o: big}
    retry: {attempts: 1}
routes:
  - name: chat
    match: {upstream: openai, operation: chat}
    targets: [openai, {upstream: other, set: {max_tokens: 5}}]
"""
KEY = {"OTHER_KEY": "k"}

FAILURES = [
    pytest.param(Answer(429, error("slow down", "requests", "rate_limit_exceeded")), id="429"),
    pytest.param(Answer(500, error("oops")), id="500"),
    pytest.param(Answer(503, b"<html>no healthy upstream</html>"), id="503 html"),
    pytest.param(Answer(200, error("oops")), id="error in a 200"),
    pytest.param(Answer(200, b""), id="empty 200"),
    pytest.param(Refuse(), id="reset"),
    pytest.param(Refuse(FailureKind.TIMEOUT_CONNECT, sent=False), id="no connection in time"),
    pytest.param(Silence(), id="silence"),
    # A plain question may be answered by a stream: it is followed like any other.
    pytest.param(Stream(sse(error("oops"))), id="error as first event"),
    pytest.param(Stream(sse(ROLE, error("oops"))), id="error after the role"),
    pytest.param(Stream((b"<html>oops</html>",)), id="a page for a stream"),
    pytest.param(Stream(sse(ROLE), end="cut"), id="cut before the first token"),
    pytest.param(Stream(sse(ROLE), end="clean"), id="clean end before the first token"),
    pytest.param(Stream(sse(ROLE), end="stall"), id="stall before the first token"),
]


@pytest.mark.parametrize("failing", FAILURES)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_the_second_target_answers_whole(failing: Act, stream: bool) -> None:
    good = Stream() if stream else Answer(200, said("Hello world"))
    play = Play(POLICY, KEY, openai=[failing], other=[good])
    seen = await play.chat(stream=stream)
    assert seen.status == 200
    assert seen.end is End.COMPLETE
    assert seen.asked == ["openai", "other"]
    assert seen.headers["x-understudy-target"] == "other"
    assert seen.headers["x-understudy-fallback"] == "true"
    assert seen.headers["x-understudy-attempts"] == "2"
    assert seen.headers["Proxy-Status"].startswith('understudy; next-hop="openai"')
    assert seen.body == b"".join(WHOLE_STREAM) if stream else seen.json == said("Hello world")
    assert [(e.origin, e.target) for e in seen.told(FellBack)] == [("openai", "other")]
    assert all(body.closed for body in play.bodies)


async def test_a_fallback_is_asked_in_its_own_terms() -> None:
    play = Play(POLICY, KEY, openai=[Answer(503)], other=[Answer(200, said("Hi"))])
    seen = await play.chat()
    first, second = seen.calls
    assert b'"model":"gpt-4o"' in first.body
    assert b'"model":"big"' in second.body
    assert b'"max_tokens":5' in second.body


async def test_a_target_without_its_key_is_passed_over() -> None:
    play = Play(POLICY, {}, openai=[Answer(503, error("down"))])
    seen = await play.chat()
    assert seen.asked == ["openai"]
    assert seen.status == 503
    assert seen.json == error("down"), "one target was asked: its own words go through"
    assert "OTHER_KEY" in seen.told(PassedOver)[0].reason


async def test_everything_failed_is_told_in_the_callers_dialect() -> None:
    play = Play(
        POLICY,
        KEY,
        openai=[Answer(429, error("slow down"), {"Retry-After": "30"})],
        other=[Answer(401, error("Incorrect API key", code="invalid_api_key"))],
    )
    seen = await play.chat()
    assert seen.status == 429, "not 401: the key that was refused is not the app's"
    assert seen.headers["Retry-After"] == "30"
    assert seen.headers["x-should-retry"] == "false"
    told = seen.json["error"]
    assert told["type"] == "fallback_exhausted"
    assert told["code"] == "auth"
    assert [(row["target"], row["kind"], row["status"]) for row in told["attempts"]] == [
        ("openai", "rate_limit", 429),
        ("other", "auth", 401),
    ]


async def test_the_callers_own_mistake_goes_nowhere_else() -> None:
    mistake = error("temperature is too high", "invalid_request_error")
    play = Play(POLICY, KEY, openai=[Answer(400, mistake)])
    seen = await play.chat()
    assert (seen.status, seen.json, seen.asked) == (400, mistake, ["openai"])


@pytest.mark.parametrize("end", ["cut", "clean", "stall"])
async def test_a_stream_that_breaks_after_its_first_token_never_looks_whole(end: str) -> None:
    play = Play(POLICY, KEY, openai=[Stream(sse(ROLE, HELLO), end=end)])
    seen = await play.chat(stream=True)
    assert seen.asked == ["openai"], "nothing is spliced on"
    assert seen.body == b"".join(sse(ROLE, HELLO))
    assert seen.end is End.BROKEN
    assert seen.broke is not None
    expected = FailureKind.TIMEOUT_IDLE if end == "stall" else FailureKind.BROKEN_STREAM
    assert seen.broke.kind is expected


async def test_an_event_that_was_cut_in_the_middle_is_not_sent_on() -> None:
    play = Play(POLICY, KEY, openai=[Stream((*sse(ROLE, HELLO), b'data: {"cho'), end="cut")])
    seen = await play.chat(stream=True)
    assert seen.body == b"".join(sse(ROLE, HELLO))
    assert seen.end is End.BROKEN


async def test_a_stream_with_a_finish_reason_but_no_terminator_is_whole() -> None:
    play = Play(POLICY, KEY, openai=[Stream(sse(ROLE, HELLO, WORLD, STOP))])
    seen = await play.chat(stream=True)
    assert seen.end is End.COMPLETE


async def test_an_error_event_of_the_provider_in_mid_stream_goes_through_once() -> None:
    chunks = sse(ROLE, HELLO, error("overloaded"), DONE)
    play = Play(POLICY, KEY, openai=[Stream(chunks)])
    seen = await play.chat(stream=True)
    assert seen.body.count(b"overloaded") == 1
    assert seen.end is End.BROKEN
    assert seen.broke is not None
    assert seen.broke.refusal is not None, "the provider's own words: no second error event"


async def test_on_says_which_failures_lead_to_a_target() -> None:
    policy = POLICY.replace("set: {max_tokens: 5}", "on: [quota]")
    play = Play(policy, KEY, openai=[Answer(503, error("down"))])
    assert (await play.chat()).asked == ["openai"]
    quota = Answer(429, error("no credit", "insufficient_quota", "insufficient_quota"))
    play = Play(policy, KEY, openai=[quota], other=[Answer(200, said("Hi"))])
    assert (await play.chat()).asked == ["openai", "other"]


async def test_each_attempt_is_told_with_its_time() -> None:
    play = Play(POLICY, KEY, openai=[Answer(503, wait_s=2.0)], other=[Answer(200, said("Hi"))])
    first, second = (await play.chat()).told(AttemptEnded)
    assert (first.target, first.kind, first.duration_s) == ("openai", FailureKind.UNAVAILABLE, 2.0)
    assert (second.target, second.kind, second.status) == ("other", None, 200)


# All breakers open

STRATEGIES = ["sequential", "fastest", "load_balanced"]


def _shut(strategy: str, when_all_open: str, **scripts: list[Act]) -> Play:
    """A play in which both breakers have opened, that of `other` before that of `openai`."""
    settings = f"strategy: {strategy}\n    when_all_open: {when_all_open}\n    targets:"
    play = Play(POLICY.replace("targets:", settings), KEY, **scripts)
    for name in ("other", "openai"):
        breaker = play.standings.of(play.program.snapshot.upstreams[name]).breaker
        for _ in range(5):
            breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
        play.clock.pass_time(5.0)
    return play


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_nobody_is_asked_while_all_breakers_are_open(strategy: str) -> None:
    seen = await _shut(strategy, "fail").chat()
    assert (seen.status, seen.asked) == (503, [])
    assert seen.headers["Retry-After"] == "20"
    assert {row["kind"] for row in seen.json["error"]["attempts"]} == {"circuit_open"}
    assert len(seen.json["error"]["attempts"]) == 2, "each is told once"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_or_the_one_whose_time_is_nearest_if_the_policy_says_so(strategy: str) -> None:
    play = _shut(strategy, "try", other=[Answer(200, said("Hi"))])
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["other"])
    breaker = play.standings.of(play.program.snapshot.upstreams["other"]).breaker
    assert breaker.state == "closed", "it is back"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_one_try_is_what_it_gets(strategy: str) -> None:
    play = _shut(strategy, "try", other=[Answer(503, error("down"))] * 2)
    for _ in range(2):
        seen = await play.chat()
        assert seen.asked == ["other"]
        assert seen.status == 503
        assert seen.json["error"]["code"] == "unavailable"


# Who is better left alone


def _sicken(play: Play, name: str) -> None:
    health = play.standings.of(play.program.snapshot.upstreams[name]).health
    for _ in range(3):
        health.failed(FailureKind.UNAVAILABLE, "scripted")


async def test_where_the_other_fails_too_the_unhealthy_one_is_asked_and_all_is_told_once() -> None:
    play = Play(POLICY, KEY, openai=[Answer(503, error("down"))], other=[Answer(500, error("no"))])
    _sicken(play, "openai")
    seen = await play.chat()
    assert seen.asked == ["other", "openai"]
    assert seen.status == 503
    told = seen.json["error"]
    assert told["message"].count("openai:") == 1, "how it failed, not that it was passed over"
    assert told["code"] == "unavailable"


async def test_an_answer_after_all_is_no_fallback() -> None:
    play = Play(POLICY, KEY, openai=[Answer(200, said("Hi"))], other=[Answer(500, error("no"))])
    _sicken(play, "openai")
    seen = await play.chat()
    assert seen.headers["x-understudy-target"] == "openai"
    assert "x-understudy-fallback" not in seen.headers
    assert not seen.told(FellBack)


async def test_the_apps_mistake_found_out_by_the_other_is_not_its_own_targets() -> None:
    mistake = Answer(400, error("too hot", "invalid_request_error"))
    play = Play(POLICY, KEY, other=[mistake])
    _sicken(play, "openai")
    seen = await play.chat()
    assert (seen.status, seen.asked) == (503, ["other"])
