"""An answer past its time stands in for a provider out of reach, and for nothing else."""

import pytest

from proxy.core.failure import TRAITS, Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import Source
from tests.cache.parts import JSON, Scene, answering, chat_answer

ANSWER = chat_answer()
DOWN = Failure(FailureKind.UNAVAILABLE, "down")
MAY_BE_STALE = frozenset(
    (
        FailureKind.RATE_LIMIT,
        FailureKind.UNAVAILABLE,
        FailureKind.TIMEOUT_CONNECT,
        FailureKind.TIMEOUT_FIRST_BYTE,
        FailureKind.TIMEOUT_IDLE,
        FailureKind.TIMEOUT_TOTAL,
        FailureKind.NETWORK,
        FailureKind.BROKEN_STREAM,
        FailureKind.MALFORMED,
        FailureKind.CIRCUIT_OPEN,
        FailureKind.LIMIT,
    )
)


async def scene_with_old_answer(
    failure: Failure, headers: dict[str, str] | None = None, **settings: object
) -> Scene:
    scene = Scene(answering(ANSWER, headers=headers), failure, **settings)
    await scene.ask()
    assert scene.store.stats().entries == 1
    scene.clock.pass_time(620)
    return scene


async def test_a_stale_answer_stands_in_and_says_so() -> None:
    scene = await scene_with_old_answer(DOWN)
    reply, body = await scene.ask()
    assert (reply.source, reply.target, body) == (Source.STALE, "openai", ANSWER)
    assert reply.degraded == "stale answer, 620 s old"
    assert reply.headers.get("age") == "620"
    assert reply.headers.get("cache-status") == "understudy; hit; ttl=-20"
    assert scene.looked == ["miss", "stale"]


async def test_a_stale_answer_is_not_stored_again() -> None:
    scene = await scene_with_old_answer(DOWN)
    await scene.ask()
    reply, _ = await scene.ask()
    assert reply.headers.get("age") == "620"


async def test_it_stands_in_for_exactly_its_time() -> None:
    scene = await scene_with_old_answer(DOWN)
    scene.clock.pass_time(600 + 3600 - 620 - 0.5)
    reply, _ = await scene.ask()
    assert reply.source is Source.STALE
    scene.clock.pass_time(0.5)
    with pytest.raises(Failure, match="down"):
        await scene.ask()


@pytest.mark.parametrize("kind", FailureKind)
async def test_only_a_want_of_reach_is_hidden(kind: FailureKind) -> None:
    assert TRAITS[kind].stale == (kind in MAY_BE_STALE)
    scene = await scene_with_old_answer(Failure(kind, "so it is"))
    if kind in MAY_BE_STALE:
        reply, _ = await scene.ask()
        assert reply.source is Source.STALE
    else:
        with pytest.raises(Failure) as raised:
            await scene.ask()
        assert raised.value.kind is kind
        assert scene.looked == ["miss"]


async def test_of_several_failures_the_first_targets_decides() -> None:
    refused = Failure(FailureKind.AUTH, "key refused", target="openai")
    down = Failure(FailureKind.UNAVAILABLE, "down", target="azure")
    scene = await scene_with_old_answer(Exhausted((down, refused)))
    reply, _ = await scene.ask()
    assert reply.source is Source.STALE
    scene = await scene_with_old_answer(Exhausted((refused, down)))
    with pytest.raises(Exhausted):
        await scene.ask()


async def test_without_a_time_for_it_nothing_stale_is_given() -> None:
    scene = await scene_with_old_answer(DOWN, stale_if_error_s=0.0)
    with pytest.raises(Failure):
        await scene.ask()


async def test_a_request_that_cannot_be_served_is_no_reason() -> None:
    scene = await scene_with_old_answer(Unfit("no such thing"))
    with pytest.raises(Unfit):
        await scene.ask()


@pytest.mark.parametrize("wish", ["no-cache", "no-store"])
async def test_an_app_that_wants_no_stored_answer_gets_the_failure(wish: str) -> None:
    scene = await scene_with_old_answer(DOWN)
    headers = scene.call().headers.copy()
    headers["Cache-Control"] = wish
    with pytest.raises(Failure, match="down"):
        await scene.ask(scene.call(headers=headers))


@pytest.mark.parametrize("word", ["must-revalidate", "proxy-revalidate"])
async def test_a_provider_that_forbids_stale_answers_is_obeyed(word: str) -> None:
    headers = {**JSON, "Cache-Control": f"no-cache, {word}"}
    scene = await scene_with_old_answer(DOWN, headers=headers)
    with pytest.raises(Failure, match="down"):
        await scene.ask()


async def test_another_callers_stale_answer_is_not_mine() -> None:
    scene = await scene_with_old_answer(DOWN)
    headers = scene.call().headers.copy()
    headers["Authorization"] = "Bearer sk-two"
    with pytest.raises(Failure, match="down"):
        await scene.ask(scene.call(headers=headers))
