"""Whole calls that nobody could answer: the stand-in, and where it declines."""

import orjson
import pytest

from proxy.core.event import CallEnded, FellBack, PassedOver
from proxy.core.failure import FailureKind
from proxy.core.reply import End, Source
from tests.plays.stage import DOWN, Act, Answer, Play, Refuse, Seen, Stream, error, said, sse
from tests.plays.stage import ROLE as ROLE_EVENT

POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, retry: {attempts: 1}}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 1}}
  keyless: {dialect: openai, url: https://no.example, api_key: "${NO_KEY}"}
  without: {dialect: openai, url: https://none.example, api_key: "${NO_KEY}"}
routes:
  - name: nobody
    match: {upstream: openai, headers: {x-route: nobody}}
    targets: [keyless]
    last_resort: mock
  - name: nobody at all
    match: {upstream: openai, headers: {x-route: none-of-two}}
    targets: [keyless, without]
    last_resort: mock
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
    last_resort: mock
"""
TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}]}


def _is_made_up(seen: Seen) -> None:
    assert seen.status == 200
    assert seen.end is End.COMPLETE
    assert seen.headers["x-understudy-source"] == "mock"
    assert seen.headers["x-understudy-target"] == "mock"
    assert seen.headers["x-understudy-fallback"] == "true"
    assert seen.headers["x-understudy-degraded"] == "mock answer"


async def test_a_plain_stand_in() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[Refuse()]).chat()
    _is_made_up(seen)
    assert seen.asked == ["openai", "other"]
    assert seen.headers["x-understudy-attempts"] == "2"
    assert seen.headers["Proxy-Status"].count("next-hop") == 2
    assert seen.json["understudy"] == {"source": "mock"}
    assert seen.json["choices"][0]["message"]["content"]
    (fell,) = seen.told(FellBack)
    assert (fell.origin, fell.target, fell.kind) == ("other", "mock", FailureKind.NETWORK)
    (ended,) = seen.told(CallEnded)
    assert (ended.source, ended.fallback, ended.kind) == (Source.MOCK, True, None)


async def test_a_streamed_stand_in() -> None:
    cut = Stream(sse(ROLE_EVENT), end="cut")
    seen = await Play(POLICY, openai=[cut], other=[DOWN]).chat(stream=True)
    _is_made_up(seen)
    assert seen.headers["Content-Type"].startswith("text/event-stream")
    *events, end = seen.body.removesuffix(b"\n\n").split(b"\n\n")
    assert end == b"data: [DONE]"
    pieces = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
    assert "".join(p["choices"][0]["delta"].get("content") or "" for p in pieces)
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"


async def test_vectors_are_made_up_too() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[DOWN]).embed()
    _is_made_up(seen)
    assert seen.json["data"][0]["embedding"]


async def test_where_words_would_be_a_wrong_answer_the_failures_are_told() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[DOWN]).chat(extra=TOOLS)
    assert seen.status == 503
    assert seen.headers["x-understudy-source"] == "upstream"
    assert "x-understudy-fallback" not in seen.headers
    assert "x-understudy-degraded" not in seen.headers
    assert [event.target for event in seen.told(PassedOver)] == ["mock"]
    rows = seen.json["error"]["attempts"]
    assert [row["target"] for row in rows] == ["openai", "other", "mock"]
    assert "tools" in rows[-1]["message"]


async def test_an_operation_without_a_stand_in() -> None:
    play = Play(POLICY, openai=[DOWN], other=[DOWN])
    seen = await play.serve(play.call(b"", "/v1/models", method="GET"))
    assert seen.status == 503


@pytest.mark.parametrize(
    "mistake",
    [
        Answer(400, error("temperature is too high", "invalid_request_error")),
        Answer(400, error("no", code="content_filter")),
    ],
    ids=["bad request", "content filter"],
)
async def test_the_apps_own_mistake_is_not_covered_up(mistake: Act) -> None:
    seen = await Play(POLICY, openai=[mistake]).chat()
    assert (seen.status, seen.asked) == (400, ["openai"])
    assert seen.headers["x-understudy-source"] == "upstream"


async def test_a_fallbacks_dislike_of_the_request_is_no_mistake_of_the_app() -> None:
    dislike = Answer(400, error("prefill is not supported", "invalid_request_error"))
    _is_made_up(await Play(POLICY, openai=[DOWN], other=[dislike]).chat())


@pytest.mark.parametrize("route", ["nobody", "none-of-two"])
async def test_where_nobody_could_be_asked_at_all(route: str) -> None:
    seen = await Play(POLICY).chat(headers={"x-route": route})
    _is_made_up(seen)
    assert seen.headers["x-understudy-attempts"] == "0"


async def test_it_is_not_asked_while_somebody_answers() -> None:
    seen = await Play(POLICY, openai=[DOWN], other=[Answer(200, said("Hi"))]).chat()
    assert seen.headers["x-understudy-source"] == "upstream"
    assert seen.json == said("Hi")
