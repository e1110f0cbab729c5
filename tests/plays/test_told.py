"""What the app is told when nothing could answer it, and what a bug of ours looks like."""

from typing import Any

import pytest

from proxy.core.event import Bug, CallEnded
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import End
from tests.plays.stage import (
    DOWN,
    ROLE,
    Act,
    Answer,
    Flaw,
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
  openai: {dialect: openai, url: https://api.openai.com, retry: {attempts: 1}}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 1}}
  third: {dialect: openai, url: https://third.example, api_key: k, retry: {attempts: 1}}
  plain: {dialect: raw, url: https://raw.example, retry: {attempts: 1}}
routes:
  - {name: alone, match: {upstream: openai, headers: {x-route: alone}}, targets: [openai]}
  - {name: away, match: {upstream: openai, headers: {x-route: away}}, targets: [other]}
  - {name: chat, match: {upstream: openai}, targets: [openai, {upstream: other, on: [all]}, third]}
"""
LIMITED = Answer(429, error("slow down"), {"Retry-After": "30"})
NO_KEY = Answer(401, error("no", code="invalid_api_key"))
NO_CREDIT = Answer(429, error("pay", "insufficient_quota", "insufficient_quota"))
NO_MODEL = Answer(404, error("what", code="model_not_found"))
TOO_LONG = Answer(400, error("too long", code="context_length_exceeded"))
FILTERED = Answer(400, error("no", code="content_filter"))
WRONG = Answer(400, error("no", "invalid_request_error"))
LATE = Refuse(FailureKind.TIMEOUT_CONNECT, sent=False)


@pytest.mark.parametrize(
    ("openai", "other", "third", "status"),
    [
        pytest.param(LIMITED, DOWN, DOWN, 429, id="a limit says more than an outage"),
        pytest.param(DOWN, LIMITED, DOWN, 429, id="wherever it is"),
        pytest.param(DOWN, Refuse(), LATE, 503, id="an outage says more than no connection"),
        pytest.param(Refuse(), Refuse(), Refuse(), 502, id="no connection"),
        pytest.param(LATE, LATE, LATE, 504, id="too late"),
        pytest.param(NO_MODEL, DOWN, LIMITED, 404, id="the app's own model"),
        pytest.param(TOO_LONG, DOWN, LIMITED, 400, id="the app's own length"),
        pytest.param(NO_KEY, DOWN, DOWN, 401, id="the app's own key"),
        pytest.param(NO_CREDIT, DOWN, Refuse(), 429, id="the app's own account"),
        # What others say of our key, our models and our request is no news for the app.
        pytest.param(DOWN, NO_KEY, NO_KEY, 503, id="other keys"),
        pytest.param(DOWN, NO_MODEL, NO_CREDIT, 503, id="other models and accounts"),
        pytest.param(Refuse(), TOO_LONG, NO_KEY, 502, id="other lengths"),
        pytest.param(Refuse(), DOWN, WRONG, 503, id="other tastes"),
        pytest.param(LATE, Refuse(), FILTERED, 504, id="other filters"),
    ],
)
async def test_the_status_is_that_of_the_failure_that_tells_most(
    openai: Act, other: Act, third: Act, status: int
) -> None:
    seen = await Play(POLICY, openai=[openai], other=[other], third=[third]).chat()
    assert seen.asked == ["openai", "other", "third"]
    assert seen.status == status
    assert seen.json["error"]["type"] == "fallback_exhausted"
    assert len(seen.json["error"]["attempts"]) == 3
    assert seen.headers["x-should-retry"] == "false"
    assert seen.headers["x-understudy-target"] == "openai"
    assert "x-understudy-fallback" not in seen.headers


async def test_the_code_is_the_kind_of_the_last_failure() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[LIMITED], third=[NO_CREDIT]).chat()
    assert seen.json["error"]["code"] == "quota"
    (ended,) = seen.told(CallEnded)
    assert (ended.kind, ended.status) == (FailureKind.QUOTA, 429)


async def test_no_wait_is_named_where_no_target_named_one() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[DOWN], third=[DOWN]).chat()
    assert "Retry-After" not in seen.headers


@pytest.mark.parametrize(
    ("asked_s", "told"), [("0.2", "1"), ("30", "30"), ("30.2", "31"), ("29.9", "30")]
)
async def test_a_wait_is_never_named_too_short(asked_s: str, told: str) -> None:
    limited = Answer(429, error("slow down"), {"Retry-After": asked_s})
    retry = "retry: {attempts: 1}"
    policy = POLICY.replace(retry, "retry: {attempts: 1, retry_after_max: 0}")
    seen = await Play(policy, openai=[limited], other=[DOWN], third=[DOWN]).chat()
    assert seen.headers["Retry-After"] == told


@pytest.mark.parametrize(
    "refusal",
    [
        LIMITED,
        NO_KEY,
        WRONG,
        Answer(529, b"<html>overloaded</html>", {"Content-Type": "text/html", "x-own": "1"}),
        Answer(200, error("oops")),
    ],
)
async def test_of_one_target_alone_its_own_error_goes_through_unchanged(refusal: Answer) -> None:
    seen = await Play(POLICY, openai=[refusal]).chat(headers={"x-route": "alone"})
    assert seen.status == refusal.status
    for name, value in refusal.headers.items():
        assert seen.headers[name] == value
    if isinstance(refusal.body, bytes):
        assert seen.body == refusal.body
    else:
        assert seen.json == refusal.body
    assert "x-should-retry" not in seen.headers


@pytest.mark.parametrize(
    ("act", "status", "kind"),
    [
        (Refuse(), 502, "network"),
        (LATE, 504, "timeout.connect"),
        (Silence(), 504, "timeout.first_byte"),
        (Stream(()), 502, "broken_stream"),
        (Stream(sse(ROLE)), 502, "broken_stream"),
        (Stream(sse(ROLE), end="cut"), 502, "broken_stream"),
        (Stream((b"<html>oops",)), 502, "malformed"),
    ],
)
async def test_where_there_is_no_answer_to_pass_on_the_status_says_what_happened(
    act: Act, status: int, kind: str
) -> None:
    play = Play(POLICY, openai=[act])
    seen = await play.chat(stream=True, headers={"x-route": "alone"})
    assert (seen.status, seen.json["error"]["code"]) == (status, kind)
    assert seen.headers["Content-Type"] == "application/json"
    assert all(body.closed for body in play.bodies)


@pytest.mark.parametrize("answer", [NO_KEY, NO_CREDIT, NO_MODEL, TOO_LONG, FILTERED, WRONG])
async def test_what_the_only_target_says_of_our_key_is_not_the_apps_fault(answer: Answer) -> None:
    """The app called openai; that the policy sends it elsewhere is not its doing."""
    seen = await Play(POLICY, other=[answer]).chat(headers={"x-route": "away"})
    assert seen.asked == ["other"]
    assert seen.status == 503


@pytest.mark.parametrize("act", [Answer(200, error("oops")), Stream(sse(error("oops")))])
async def test_an_error_that_came_with_a_200_is_not_told_with_one(act: Act) -> None:
    seen = await Play(POLICY, other=[act]).chat(headers={"x-route": "away"})
    assert seen.status == 503
    assert "x-understudy-fallback" not in seen.headers


BUGS = [
    pytest.param([Flaw(ZeroDivisionError("a secret"))], id="at the first target"),
    pytest.param([DOWN, Flaw(KeyError("a secret"))], id="at the second"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("acts", BUGS)
async def test_a_bug_of_ours_is_a_500_and_nobodys_fault(acts: list[Act], stream: bool) -> None:
    scripts: dict[str, Any] = dict(zip(("openai", "other"), ([act] for act in acts), strict=False))
    play = Play(POLICY, third=[Answer(200, said("Hi"))], **scripts)
    seen = await play.chat(stream=stream)
    assert seen.status == 500
    assert seen.json["error"]["type"] == "internal_error"
    assert b"secret" not in seen.body
    assert seen.headers["x-understudy-request-id"] in seen.json["error"]["message"]
    assert seen.asked == list(scripts), "nobody else is bothered with it"
    (bug,) = seen.told(Bug)
    assert bug.where == "route chat"
    (ended,) = seen.told(CallEnded)
    assert (ended.status, ended.end, ended.kind) == (500, End.COMPLETE, None)
    for name in ("openai", "other"):
        upstream = play.program.snapshot.upstreams[name]
        health = play.standings.of(upstream).health.report()
        assert health.failure_count == (1 if name == "openai" and len(acts) == 2 else 0)


async def test_even_an_error_that_cannot_be_told_is_answered() -> None:
    """Words that are no text (a lone surrogate) cannot be written as JSON."""
    flaw = Failure(FailureKind.UNAVAILABLE, "\ud800", target="openai")
    seen = await Play(POLICY, openai=[Flaw(flaw)]).chat(headers={"x-route": "alone"})
    assert seen.status == 500
    assert len(seen.told(Bug)) == 1
    assert len(seen.told(CallEnded)) == 1


async def test_a_bug_without_a_route_names_the_upstream() -> None:
    play = Play(POLICY, plain=[Flaw(ZeroDivisionError())])
    call = play.call(b"{}", "/anything", upstream="plain")
    seen = await play.serve(call)
    assert seen.status == 500
    assert seen.json["error"]["type"] == "internal_error"
    assert seen.told(Bug)[0].where == "route plain"
