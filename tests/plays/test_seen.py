"""What metrics and traces make of whole calls: each provider call is one span, with its own end,
its own failure and its own tokens, however many were under way at once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import StatusCode

from proxy.core.call import Call, Trace
from proxy.core.event import CallEnded
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.spans import Spans
from proxy.telemetry.story import story_of
from tests.plays.stage import (
    DOWN,
    HELLO,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Answer,
    Play,
    Silence,
    Stream,
    delta,
    said,
    sse,
)

TRACE = Trace(0xF00, 0xA0, True)
POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, retry: {attempts: 2, RETRY}}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 1}}
routes:
  - {name: chat, match: {upstream: openai}, targets: [openai, other], HOW}
"""


def _policy(how: str, retry: str = "backoff: {initial: 0}") -> str:
    return POLICY.replace("HOW", how).replace("RETRY", retry)


def _spans(play: Play, call: Call) -> list[ReadableSpan]:
    (ended,) = (event for event in play.events if isinstance(event, CallEnded))
    now, wall = play.clock.now(), play.clock.wall()
    spans = Spans(Resource({}), InstrumentationScope("understudy"), lambda target: None)
    return list(spans.of(story_of(TRACE, ended, call.journal, now, wall)))


def _said(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


def _lasted_s(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def _counted(play: Play) -> str:
    metrics = Metrics("0")
    for event in play.events:
        metrics.hear(event)
    return metrics.text().decode()


def _attempts(play: Play, target: str, outcome: str) -> str:
    return f'understudy_attempts_total{{outcome="{outcome}",target="{target}"}}'


async def test_the_loser_of_a_race_is_called_off_and_the_winner_has_the_tokens() -> None:
    slow, fast = Answer(200, said("Hi"), wait_s=9.0), Answer(200, said("Ho"), wait_s=0.5)
    play = Play(_policy("strategy: fastest, hedge_after: 2s"), openai=[slow], other=[fast])
    call = play.asks(trace=TRACE)
    seen = await play.serve(call)
    assert seen.headers["x-understudy-attempts"] == "2"
    assert "proxy-status" not in seen.headers
    server, openai, other = _spans(play, call)
    assert [event.name for event in server.events] == ["understudy.hedge"]
    assert _said(openai)["understudy.cancelled"] is True
    assert openai.status.status_code is StatusCode.UNSET
    assert (_lasted_s(openai), _lasted_s(other)) == (2.5, 0.5)
    assert "gen_ai.usage.output_tokens" not in _said(openai)
    assert _said(other)["gen_ai.usage.output_tokens"] == 2
    assert "http.request.resend_count" not in _said(other)
    text = _counted(play)
    assert 'understudy_hedges_total{from="openai",to="other"} 1.0' in text
    assert _attempts(play, "openai", "cancelled") + " 1.0" in text
    assert _attempts(play, "other", "ok") + " 1.0" in text


async def test_the_first_of_two_may_win_all_the_same() -> None:
    slow, slower = Answer(200, said("Hi"), wait_s=3.0), Answer(200, said("Ho"), wait_s=9.0)
    play = Play(_policy("strategy: fastest, hedge_after: 2s"), openai=[slow], other=[slower])
    call = play.asks(trace=TRACE)
    await play.serve(call)
    _, openai, other = _spans(play, call)
    assert _said(openai)["gen_ai.usage.output_tokens"] == 2
    assert "understudy.cancelled" not in _said(openai)
    assert _said(other)["understudy.cancelled"] is True
    assert "gen_ai.usage.output_tokens" not in _said(other)


async def test_an_answer_that_was_a_moment_too_late_is_not_the_winners() -> None:
    """Both are there before anybody looks."""
    first, second = Answer(200, said("Hi"), wait_s=3.0), Answer(200, said("Ho"), wait_s=1.0)
    play = Play(_policy("strategy: fastest, hedge_after: 2s"), openai=[first], other=[second])
    call = play.asks(trace=TRACE)
    await play.serve(call)
    for span in _spans(play, call)[1:]:
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in _said(span)


async def test_an_app_that_hangs_up_cancels_the_attempt() -> None:
    play = Play(_policy("strategy: sequential"), openai=[Silence()])
    call = play.asks(trace=TRACE)
    task = await play.begin(call, 1.5)
    task.cancel()
    await asyncio.wait([task])
    server, client = _spans(play, call)
    assert _said(server)["understudy.outcome"] == "abandoned"
    assert _said(client)["understudy.cancelled"] is True
    assert client.status.status_code is StatusCode.UNSET
    assert _lasted_s(client) == 1.5


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
CUT = Stream(sse(ROLE, HELLO), end="cut")
REST = Stream(sse(ROLE, delta(content="Hello world"), STOP, USAGE, b"data: [DONE]\n\n"))


async def test_a_resumed_stream_is_two_spans_one_of_which_broke() -> None:
    play = Play(_policy("mid_stream: resume"), openai=[CUT], other=[REST])
    call = play.asks(stream=True, trace=TRACE)
    await play.serve(call)
    server, openai, other = _spans(play, call)
    assert server.status.status_code is StatusCode.UNSET
    assert "understudy.resume" in [event.name for event in server.events]
    assert _said(openai)["error.type"] == "broken_stream"
    assert "error.type" not in _said(other)
    assert _said(other)["gen_ai.usage.output_tokens"] == 2
    resumed = 'understudy_resumes_total{from="openai",kind="broken_stream",to="other"} 1.0'
    assert resumed in _counted(play)


async def test_what_goes_on_with_a_stream_can_break_too() -> None:
    again = Stream(sse(ROLE, delta(content="Hello world")), end="cut")
    play = Play(_policy("mid_stream: resume"), openai=[CUT], other=[again])
    call = play.asks(stream=True, trace=TRACE)
    await play.serve(call)
    server, openai, other = _spans(play, call)
    assert server.status.status_code is StatusCode.ERROR
    assert _said(openai)["error.type"] == "broken_stream"
    assert _said(other)["error.type"] == "broken_stream"


async def test_a_held_stream_that_breaks_is_a_failed_attempt() -> None:
    play = Play(_policy("mid_stream: hold"), openai=[CUT, CUT], other=[Stream(WHOLE_STREAM)])
    call = play.asks(stream=True, trace=TRACE)
    seen = await play.serve(call)
    assert seen.headers["Proxy-Status"].count('next-hop="openai"') == seen.asked.count("openai")
    _, first, *rest = _spans(play, call)
    assert _said(first)["error.type"] == "broken_stream"
    assert "error.type" not in _said(rest[-1])


async def test_a_held_stream_that_breaks_is_named_in_the_error() -> None:
    policy = _policy("mid_stream: hold").replace("[openai, other]", "[openai]")
    play = Play(policy, openai=[CUT] * 2)
    seen = await play.serve(play.asks(stream=True))
    tried = seen.json["error"]["attempts"]
    assert [(one["target"], one["kind"]) for one in tried] == [
        ("openai", "broken_stream") for _ in seen.asked
    ]


async def test_a_retry_that_the_budget_does_not_allow_is_counted_apart() -> None:
    policy = _policy("strategy: sequential", "budget: {ratio: 0, min_per_second: 0}")
    play = Play(policy, openai=[DOWN], other=[DOWN])
    call = play.asks(trace=TRACE)
    await play.serve(call)
    server, *_ = _spans(play, call)
    assert "understudy.retry_refused" in [event.name for event in server.events]
    refused = 'understudy_retries_refused_total{kind="unavailable",reason="budget",target="openai"}'
    assert f"{refused} 1.0" in _counted(play)


@pytest.mark.parametrize(("told", "counted"), [("0", False), ("2", True), ("no", False)])
async def test_the_apps_own_retries_are_seen(told: str, counted: bool) -> None:
    play = Play(_policy("strategy: sequential"), openai=[Answer(200, said("Hi"))])
    call = play.asks(trace=TRACE, headers={"x-stainless-retry-count": told})
    await play.serve(call)
    server, _ = _spans(play, call)
    assert _said(server).get("understudy.app_retry") == (int(told) if counted else None)
    assert ("understudy_app_retries_total{" in _counted(play)) is counted


async def test_who_lacks_a_key_is_named_as_that_and_not_as_the_apps_mistake() -> None:
    policy = _policy("strategy: sequential")
    policy = policy.replace("api_key: k", 'api_key: "${NO_SUCH_KEY}"').replace(
        "routes:", "  third: {dialect: openai, url: https://third.example, api_key: k}\nroutes:"
    )
    policy = policy.replace("[openai, other]", "[openai, other, third]")
    play = Play(policy, openai=[DOWN] * 2, third=[DOWN] * 2)
    seen = await play.chat()
    tried = [(one["target"], one["kind"]) for one in seen.json["error"]["attempts"]]
    unavailable = "unavailable"
    assert tried[2] == ("other", unavailable)
    assert tried == [
        (name, unavailable) for name in ("openai", "openai", "other", "third", "third")
    ]
    assert seen.headers["Proxy-Status"].count("next-hop") == 4, "who was not asked did not fail"
