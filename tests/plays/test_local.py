"""Whole calls that end at vectors of this process (scripted here: what they hold is not asked)."""

from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import FailureKind
from tests.plays.stage import DOWN, Answer, Play, Refuse, said

POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, retry: {attempts: 1}}
routes:
  - name: embeddings
    match: {upstream: openai, operation: embeddings}
    targets: [openai, local]
    last_resort: mock
"""
VECTORS = {"object": "list", "data": [{"index": 0, "embedding": [0.5, 0.5]}], "model": "m"}


async def test_vectors_made_here_when_the_provider_fails() -> None:
    seen = await Play(POLICY, openai=[DOWN], local=[Answer(200, VECTORS)]).embed()
    assert (seen.status, seen.json, seen.asked) == (200, VECTORS, ["openai", "local"])
    assert seen.headers["x-understudy-target"] == "local"
    assert seen.headers["x-understudy-fallback"] == "true"
    assert seen.headers["x-understudy-attempts"] == "1", "no provider was called for them"
    assert [(e.origin, e.target) for e in seen.told(FellBack)] == [("openai", "local")]


async def test_vectors_of_the_provider_while_it_answers() -> None:
    seen = await Play(POLICY, openai=[Answer(200, VECTORS)]).embed()
    assert seen.asked == ["openai"]


async def test_when_the_model_cannot_be_had_either_the_stand_in_answers() -> None:
    gone = Refuse(FailureKind.UNAVAILABLE, sent=False)
    seen = await Play(POLICY, openai=[DOWN], local=[gone]).embed()
    assert seen.headers["x-understudy-source"] == "mock"
    (fell,) = seen.told(FellBack)
    assert (fell.origin, fell.target) == ("local", "mock")


async def test_a_chat_does_not_get_there() -> None:
    seen = await Play(POLICY, openai=[Answer(200, said("Hi"))]).chat()
    assert seen.asked == ["openai"]
    assert not seen.told(PassedOver)
