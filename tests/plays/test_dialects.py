"""Whole calls of Anthropic's and Gemini's own APIs: held, judged, repeated and taken elsewhere."""

import re
from typing import Any

import orjson
import pytest

from proxy.core.event import UsageSeen
from proxy.core.reply import End
from tests.dialects.anthropic import parts as anthropic
from tests.dialects.gemini import parts as gemini
from tests.plays.stage import Act, Answer, Play, Seen, Stream

POLICY = """
version: 1
upstreams:
  claude: {dialect: anthropic, url: "https://api.anthropic.com", retry: {attempts: 1}}
  other:
    dialect: anthropic
    url: https://claude.example
    api_key: k
    retry: {attempts: 1}
    prefill: true
    models: {claude-x: claude-y}
  gemini: {dialect: gemini, url: "https://generativelanguage.googleapis.com", retry: {attempts: 1}}
routes:
  - {name: claude, match: {upstream: claude}, targets: [claude, other], mid_stream: MID_STREAM}
  - name: gemini
    match: {upstream: gemini}
    targets: [gemini, {upstream: gemini, model: gemini-lite}]
    mid_stream: MID_STREAM
"""
ASKED = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
OVERLOADED = Answer(529, {"type": "error", "error": {"type": "overloaded_error"}})
PATH = "/v1beta/models/gemini-pro"


def play(mid_stream: str = "error", **scripts: list[Act]) -> Play:
    return Play(POLICY.replace("MID_STREAM", mid_stream), **scripts)


async def message(stage: Play, stream: bool = False) -> Seen:
    call = stage.call({**ASKED, "stream": stream}, "/v1/messages", upstream="claude")
    return await stage.serve(call)


async def content(stage: Play, verb: str, body: Any = None) -> Seen:
    call = stage.call(body or {"contents": []}, f"{PATH}:{verb}", upstream="gemini")
    return await stage.serve(call)


def good(text: str) -> Answer:
    return Answer(200, {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"})


async def test_an_overloaded_model_is_replaced_by_the_others() -> None:
    stage = play(claude=[OVERLOADED], other=[good("Hi")])
    seen = await message(stage)
    assert (seen.status, seen.asked) == (200, ["claude", "other"])
    assert orjson.loads(seen.calls[1].body) == {**ASKED, "model": "claude-y", "stream": False}


@pytest.mark.parametrize("before", [(), (anthropic.START, anthropic.begin(), anthropic.PING)])
async def test_an_error_before_the_first_word_goes_elsewhere(before: tuple[bytes, ...]) -> None:
    stage = play(claude=[Stream((*before, anthropic.OVERLOADED))], other=[Stream(anthropic.WHOLE)])
    seen = await message(stage, stream=True)
    assert seen.body == b"".join(anthropic.WHOLE)
    assert seen.told(UsageSeen)[-1][:2] == (5, 2)


async def test_a_message_that_breaks_is_gone_on_with() -> None:
    more = (anthropic.START, anthropic.begin(), anthropic.word(" world"), *anthropic.WHOLE[-3:])
    stage = play("resume", claude=[Stream(anthropic.HELLO[:-1], end="cut")], other=[Stream(more)])
    seen = await message(stage, stream=True)
    assert seen.end is End.COMPLETE
    assert re.sub(rb"(?m)^: .*\n\n", b"", seen.body) == b"".join(anthropic.WHOLE)
    asked = orjson.loads(seen.calls[1].body)
    assert asked["messages"][-1] == {"role": "assistant", "content": "Hello"}


async def test_a_model_named_by_the_path_is_replaced_by_the_other() -> None:
    overloaded = Answer(503, gemini.OVERLOADED)
    stage = play(gemini=[overloaded, Answer(200, gemini.text("Hi", "STOP"))])
    seen = await content(stage, "generateContent")
    assert seen.status == 200
    assert [call.path for call in seen.calls] == [
        f"{PATH}:generateContent",
        "/v1beta/models/gemini-lite:generateContent",
    ]
    assert seen.calls[0].body == seen.calls[1].body


@pytest.mark.parametrize(
    ("verb", "form", "kind"),
    [
        ("streamGenerateContent?alt=sse", gemini.sent, "text/event-stream"),
        ("streamGenerateContent", gemini.listed, "application/json"),
    ],
)
async def test_both_forms_of_a_stream_are_held(verb: str, form: Any, kind: str) -> None:
    headers = {"Content-Type": kind}
    empty = gemini.text("")
    stage = play(
        gemini=[
            Stream((form(empty, gemini.OVERLOADED),), headers=headers),
            Stream((form(*gemini.WHOLE),), headers=headers),
        ]
    )
    seen = await content(stage, verb)
    assert seen.body == form(*gemini.WHOLE)
    assert seen.told(UsageSeen)[-1][:2] == (5, 9)


async def test_a_list_without_its_end_is_broken() -> None:
    half = gemini.listed(*gemini.WHOLE).rstrip()[:-1]
    stage = play(gemini=[Stream((half,), headers={"Content-Type": "application/json"})])
    seen = await content(stage, "streamGenerateContent")
    assert seen.end is End.BROKEN


async def test_a_blocked_prompt_goes_to_the_app_as_it_came() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    stage = play(gemini=[Answer(200, blocked)])
    seen = await content(stage, "generateContent")
    assert (seen.status, seen.json) == (200, blocked)
    assert len(seen.asked) == 1


async def test_a_count_of_tokens_may_be_repeated_and_goes_elsewhere() -> None:
    stage = play(claude=[OVERLOADED], other=[Answer(200, {"input_tokens": 3})])
    call = stage.call(ASKED, "/v1/messages/count_tokens", upstream="claude")
    assert call.repeatable
    assert (await stage.serve(call)).json == {"input_tokens": 3}


async def test_an_exhausted_route_tells_it_in_the_dialect() -> None:
    stage = play(claude=[OVERLOADED], other=[OVERLOADED])
    seen = await message(stage)
    assert seen.json["type"] == "error"
    assert seen.json["error"]["details"]["reason"] == "fallback_exhausted"
    assert len(seen.json["error"]["details"]["attempts"]) == 2
