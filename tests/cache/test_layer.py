"""What is asked twice is fetched once, within its time, for one caller."""

import asyncio

import pytest

from proxy.core.call import Operation
from proxy.core.reply import Source
from tests.cache.parts import ASKED, EVENTS, JSON, Scene, answering, chat_answer, chat_stream, drink

ANSWER = chat_answer("Rayleigh scattering")


async def test_a_second_call_is_answered_from_the_store() -> None:
    scene = Scene(answering(ANSWER[:9], ANSWER[9:], headers={**JSON, "x-request-id": "r"}))
    reply, body = await scene.ask()
    assert (reply.source, body) == (Source.UPSTREAM, ANSWER)
    assert reply.headers.get("cache-status") == "understudy; fwd=uri-miss"
    assert reply.headers.get("x-request-id") == "r"
    assert scene.looked == ["miss", "stored"]

    scene.clock.pass_time(12.7)
    reply, body = await scene.ask()
    assert (reply.source, reply.target, reply.status) == (Source.CACHE, "openai", 200)
    assert (body, reply.degraded) == (ANSWER, "")
    assert reply.headers.get("age") == "12"
    assert reply.headers.get("cache-status") == "understudy; hit; ttl=587"
    assert reply.headers.get("content-type") == "application/json"
    assert reply.headers.get("content-length") == str(len(ANSWER))
    assert "x-request-id" not in reply.headers
    assert scene.looked == ["hit"]
    assert scene.provider_calls == 1


async def test_a_stream_is_stored_whole_and_replayed_as_the_stream_it_was() -> None:
    events = chat_stream("Ray", "leigh")
    scene = Scene(answering(*events, headers=EVENTS))
    asked = {**ASKED, "stream": True}
    _, first = await scene.ask(scene.call(asked))
    reply, again = await scene.ask(scene.call(asked))
    assert first == again == b"".join(events)
    assert reply.source is Source.CACHE
    assert reply.headers.get("content-type") == "text/event-stream"
    await scene.ask(scene.call(ASKED))
    assert scene.provider_calls == 2


async def test_an_answer_is_fresh_for_exactly_its_time() -> None:
    scene = Scene(answering(ANSWER))
    await scene.ask()
    scene.clock.pass_time(599.5)
    reply, _ = await scene.ask()
    assert reply.headers.get("cache-status") == "understudy; hit; ttl=0"
    scene.clock.pass_time(0.5)
    reply, _ = await scene.ask()
    assert reply.source is Source.UPSTREAM
    assert reply.headers.get("cache-status") == "understudy; fwd=stale"
    assert scene.looked == ["miss", "stored"]
    reply, _ = await scene.ask()
    assert (reply.source, reply.headers.get("age")) == (Source.CACHE, "0")


async def test_age_counts_from_the_answers_first_byte() -> None:
    scene = Scene(answering(ANSWER))
    reply = await scene.layer.handle(scene.call())
    scene.clock.pass_time(30)
    await drink(reply)
    reply, _ = await scene.ask()
    assert reply.headers.get("age") == "30"


async def test_a_clock_put_back_makes_no_negative_age() -> None:
    scene = Scene(answering(ANSWER))
    await scene.ask()
    scene.clock.pass_time(-3600)
    reply, _ = await scene.ask()
    assert reply.headers.get("age") == "0"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk-two"},
        {"api-key": "two"},
        {"OpenAI-Organization": "org-2"},
        {"Accept-Encoding": "gzip"},
        {"Accept": "text/event-stream"},
        {"OpenAI-Beta": "assistants=v2"},
        {"Origin": "https://app.example"},
    ],
)
async def test_callers_and_forms_never_share(headers: dict[str, str]) -> None:
    scene = Scene(answering(ANSWER))
    await scene.ask()
    other = scene.call().headers.copy()
    other.update(headers)
    reply, _ = await scene.ask(scene.call(headers=other))
    assert reply.source is Source.UPSTREAM
    assert scene.provider_calls == 2


async def test_plans_never_share() -> None:
    scene = Scene(answering(ANSWER))
    await scene.ask()
    other = Scene(answering(ANSWER), plan="chat, five tokens at most", store=scene.store)
    reply, _ = await other.ask()
    assert reply.source is Source.UPSTREAM


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": Operation.OTHER},
        {"operation": Operation.MODELS, "method": "GET"},
        {"method": "PUT"},
        {"rest": object()},
    ],
)
async def test_other_requests_go_past(changes: dict[str, object]) -> None:
    scene = Scene(answering(ANSWER))
    for _ in range(2):
        reply, _ = await scene.ask(scene.call(**changes))
        assert reply.headers.get("cache-status") == "understudy; fwd=bypass"
        assert scene.looked == ["bypassed"]
    assert scene.store.stats().entries == 0


async def test_a_request_with_no_store_is_neither_answered_from_the_store_nor_kept() -> None:
    scene = Scene(answering(ANSWER))
    private = scene.call().headers.copy()
    private["Cache-Control"] = "no-store"
    for _ in range(2):
        reply, _ = await scene.ask(scene.call(headers=private))
        assert reply.headers.get("cache-status") == "understudy; fwd=request"
    assert scene.store.stats().entries == 0
    assert scene.looked == ["bypassed"]


async def test_a_request_with_no_cache_fetches_anew_and_refreshes_the_store() -> None:
    scene = Scene(answering(ANSWER), answering(chat_answer("Mie")))
    await scene.ask()
    anew = scene.call().headers.copy()
    anew["Cache-Control"] = "No-Cache"
    reply, body = await scene.ask(scene.call(headers=anew))
    assert (reply.source, body) == (Source.UPSTREAM, chat_answer("Mie"))
    assert reply.headers.get("cache-status") == "understudy; fwd=request"
    assert scene.looked == ["bypassed", "stored"]
    reply, body = await scene.ask()
    assert (reply.source, body) == (Source.CACHE, chat_answer("Mie"))


async def test_two_calls_at_once_both_go_through() -> None:
    scene = Scene(answering(ANSWER))
    replies = await asyncio.gather(*(scene.layer.handle(scene.call()) for _ in range(2)))
    assert [reply.source for reply in replies] == [Source.UPSTREAM] * 2
    for reply in replies:
        await drink(reply)
    assert scene.provider_calls == 2
    assert scene.store.stats().entries == 1


async def test_a_cache_nearer_the_source_keeps_its_line() -> None:
    scene = Scene(answering(ANSWER, headers={**JSON, "Cache-Status": "edge; hit"}))
    reply, _ = await scene.ask()
    assert reply.headers.getall("cache-status", []) == ["edge; hit", "understudy; fwd=uri-miss"]
    reply, _ = await scene.ask()
    assert reply.headers.getall("cache-status", []) == ["edge; hit", "understudy; hit; ttl=600"]
