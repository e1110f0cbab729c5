"""What may have had an effect is never sent twice; what never left may go anywhere."""

from collections.abc import AsyncIterator

import pytest

from proxy.core.failure import FailureKind
from proxy.core.reply import End
from tests.plays.stage import Act, Answer, Play, Refuse, Silence, error

POLICY = """
version: 1
upstreams:
  openai:
    {dialect: openai, url: https://api.openai.com, retry: {attempts: 3}, health: {failures: 9}}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 3}}
routes:
  - {name: all, match: {upstream: openai}, targets: [openai, {upstream: other, on: [all]}]}
"""
EFFECTS = [
    pytest.param("POST", "/v1/files", id="a file"),
    pytest.param("POST", "/v1/responses", id="a response, which is kept"),
    pytest.param("POST", "/v1/fine_tuning/jobs", id="a job"),
    pytest.param("DELETE", "/v1/files/file-1", id="a deletion"),
]
SENT = [
    pytest.param(Refuse(), id="reset"),
    pytest.param(Answer(500, error("oops")), id="500"),
    pytest.param(Answer(503, error("oops"), {"Retry-After": "1"}), id="503 with a hint"),
    pytest.param(Answer(429, error("slow down"), {"Retry-After": "1"}), id="429 with a hint"),
    pytest.param(Silence(), id="silence"),
]
NOT_SENT = [
    pytest.param(Refuse(FailureKind.NETWORK, sent=False), id="refused"),
    pytest.param(Refuse(FailureKind.TIMEOUT_CONNECT, sent=False), id="no connection in time"),
]
DONE = Answer(200, {"id": "file-1", "output": []})


@pytest.mark.parametrize("act", SENT)
@pytest.mark.parametrize(("method", "path"), EFFECTS)
async def test_once_sent_it_is_sent_nowhere_else(method: str, path: str, act: Act) -> None:
    play = Play(POLICY, openai=[act])
    seen = await play.serve(play.call(b"{}", path, method=method))
    assert seen.asked == ["openai"]
    assert seen.status >= 400
    assert seen.end is End.COMPLETE


@pytest.mark.parametrize("act", NOT_SENT)
@pytest.mark.parametrize(("method", "path"), EFFECTS)
async def test_what_never_left_goes_elsewhere(method: str, path: str, act: Act) -> None:
    play = Play(POLICY, openai=[act] * 3, other=[DONE])
    seen = await play.serve(play.call(b"{}", path, method=method))
    assert seen.status == 200
    assert seen.asked[-1] == "other"
    assert set(seen.asked[:-1]) == {"openai"}


async def test_an_open_breaker_sends_nothing_so_it_leads_elsewhere() -> None:
    play = Play(POLICY, openai=[Answer(500, error("oops"))] * 5, other=[DONE])
    for _ in range(5):
        await play.serve(play.call(b"{}", "/v1/files"))
    seen = await play.serve(play.call(b"{}", "/v1/files"))
    assert (seen.status, seen.asked) == (200, ["other"])


async def test_a_body_too_large_to_keep_goes_elsewhere_until_it_was_begun() -> None:
    async def rest() -> AsyncIterator[bytes]:
        yield b"more"

    refused = Refuse(FailureKind.NETWORK, sent=False)
    play = Play(POLICY, openai=[refused] * 3, other=[DONE])
    seen = await play.serve(play.call(b"{", "/v1/files", rest=rest()))
    assert (seen.status, seen.asked[-1]) == (200, "other")
    play = Play(POLICY, openai=[Refuse()])
    seen = await play.serve(play.call(b"{", "/v1/chat/completions", rest=rest()))
    assert (seen.status, seen.asked) == (502, ["openai"])


async def test_what_only_computes_is_sent_again() -> None:
    play = Play(POLICY, openai=[Refuse()] * 3, other=[Refuse()] * 3)
    seen = await play.chat()
    assert seen.asked == ["openai"] * 3 + ["other"] * 3


async def test_a_response_that_is_not_kept_is_sent_again() -> None:
    play = Play(POLICY, openai=[Refuse()] * 3, other=[DONE])
    seen = await play.serve(play.call({"model": "m", "store": False}, "/v1/responses"))
    assert (seen.status, seen.asked) == (200, ["openai"] * 3 + ["other"])


async def test_what_only_looks_is_sent_again() -> None:
    play = Play(POLICY, openai=[Refuse()] * 3, other=[DONE])
    seen = await play.serve(play.call(b"", "/v1/files/file-1", method="GET"))
    assert seen.asked == ["openai"] * 3 + ["other"]
