"""Only whole, good, first-choice answers are kept."""

import zlib

import orjson
import pytest

from proxy.cache.memory import MemoryStore
from proxy.core.call import Operation
from proxy.core.event import FellBack, Resumed
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Source
from tests.cache.parts import (
    ASKED,
    EVENTS,
    JSON,
    Scene,
    answering,
    chat_answer,
    chat_stream,
    drink,
)
from tests.clock import FalseClock

GOOD = chat_answer()
CUT = Failure(FailureKind.BROKEN_STREAM, "the answer was cut")


async def kept(scene: Scene, stream: bool = False) -> bool:
    """Whether the answer of one call is there for the next."""
    await scene.ask(scene.call({**ASKED, "stream": stream}))
    assert ("stored" in scene.looked) == (scene.store.stats().entries == 1)
    return scene.store.stats().entries == 1


async def test_good_answers_are_kept_whole_streamed_and_compressed() -> None:
    assert await kept(Scene(answering(GOOD)))
    assert await kept(Scene(answering(*chat_stream("a", "b"), headers=EVENTS)), stream=True)
    packed = zlib.compress(GOOD, wbits=31)
    assert await kept(Scene(answering(packed, headers={**JSON, "Content-Encoding": "gzip"})))


@pytest.mark.parametrize(
    "body",
    [
        chat_answer(finish="length"),
        chat_answer(finish="content_filter"),
        chat_answer("", refusal="I will not say."),
        b'{"error": {"message": "overloaded", "type": "server_error"}}',
        b"",
        b"<html>",
        GOOD[:-10],
    ],
    ids=["truncated", "filtered", "refused", "error in a 200", "empty", "html", "half"],
)
async def test_answers_that_are_no_whole_good_ones_are_not_kept(body: bytes) -> None:
    assert not await kept(Scene(answering(body)))


@pytest.mark.parametrize(
    "events",
    [
        chat_stream("a", finish="length"),
        chat_stream("a", finish=None),
        chat_stream("a", done=False),
        [*chat_stream("a")[:1], b'data: {"error": {"message": "x"}}\n\n', b"data: [DONE]\n\n"],
    ],
    ids=["truncated", "unfinished", "not done", "error event"],
)
async def test_streams_that_are_no_whole_good_ones_are_not_kept(events: list[bytes]) -> None:
    assert not await kept(Scene(answering(*events, headers=EVENTS)), stream=True)


@pytest.mark.parametrize(
    "differs",
    [
        {"status": 500},
        {"status": 429},
        {"status": 206},
        {"source": Source.LOCAL, "target": "local"},
        {"source": Source.MOCK, "target": "mock"},
        {"target": "azure"},
        {"headers": {**JSON, "Cache-Control": "private, no-store"}},
        {"headers": {**JSON, "Vary": "*"}},
    ],
)
async def test_answers_of_others_and_private_ones_are_not_kept(differs: dict[str, object]) -> None:
    assert not await kept(Scene(answering(GOOD, **differs)))


async def test_a_fallback_to_another_model_of_the_same_upstream_is_not_kept() -> None:
    scene = Scene(answering(GOOD))
    call = scene.call()
    call.journal.tell(FellBack("openai", "openai", FailureKind.RATE_LIMIT))
    await scene.ask(call)
    assert scene.store.stats().entries == 0


async def test_what_two_providers_have_said_is_not_kept() -> None:
    """The seam comes when the answer has long begun, so it is looked for at its end."""
    scene = Scene(answering(*chat_stream("a", "b"), headers=EVENTS))
    call = scene.call({**ASKED, "stream": True})
    reply = await scene.layer.handle(call)
    call.journal.tell(Resumed("openai", "azure", FailureKind.BROKEN_STREAM))
    await drink(reply)
    assert scene.store.stats().entries == 0


async def test_no_cache_and_private_of_the_provider_do_not_stand_against_the_policy() -> None:
    headers = {**JSON, "Cache-Control": "private, no-cache"}
    assert await kept(Scene(answering(GOOD, headers=headers)))


async def test_a_broken_answer_is_not_kept_even_when_its_bytes_look_whole() -> None:
    assert not await kept(Scene(answering(GOOD, cut=CUT)))


async def test_an_answer_whose_taker_hung_up_is_not_kept() -> None:
    scene = Scene(answering(GOOD, b" "))
    await scene.ask(until=1)
    assert scene.store.stats().entries == 0


async def test_a_failure_is_not_kept() -> None:
    scene = Scene(Failure(FailureKind.UNAVAILABLE, "down"), answering(GOOD))
    with pytest.raises(Failure):
        await scene.ask()
    reply, _ = await scene.ask()
    assert reply.source is Source.UPSTREAM


async def test_an_answer_over_the_limit_goes_through_and_is_not_kept() -> None:
    large = chat_answer("a" * 5_000)
    store = MemoryStore(FalseClock(), entry_limit_bytes=4_000)
    scene = Scene(answering(large[:3_000], large[3_000:]), store=store)
    _, body = await scene.ask()
    assert body == large
    assert store.stats().entries == 0


async def test_vectors_are_kept() -> None:
    body = orjson.dumps({"data": [{"index": 0, "embedding": [1.0, 0.0]}], "model": "m"})
    scene = Scene(answering(body))
    asked = {"model": "m", "input": "a"}
    for source in (Source.UPSTREAM, Source.CACHE):
        reply, _ = await scene.ask(scene.call(asked, operation=Operation.EMBEDDINGS))
        assert reply.source is source
