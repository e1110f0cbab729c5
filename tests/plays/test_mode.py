"""Whole calls under a mode: one tier first, or one tier alone."""

import pytest

from tests.plays.stage import DOWN, GOOD, Answer, Play, said

POLICY = """
version: 1
mode: {mode}
upstreams:
  openai: {{dialect: openai, url: "https://api.openai.com", retry: {{attempts: 1}}}}
  near: {{dialect: openai, url: "https://near.example", tier: server, retry: {{attempts: 1}}}}
routes:
  - name: chat
    match: {{upstream: openai, operation: chat}}
    targets: [openai, near]
    last_resort: mock
"""


def policy(mode: str) -> str:
    return POLICY.format(mode=mode)


async def test_a_server_first() -> None:
    play = Play(policy("server_first"), near=[GOOD])
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["near"])
    assert seen.headers["x-understudy-target"] == "near"


async def test_a_server_first_and_then_the_cloud() -> None:
    play = Play(policy("server_first"), near=[DOWN], openai=[GOOD])
    seen = await play.chat()
    assert (seen.status, seen.asked) == (200, ["near", "openai"])


@pytest.mark.parametrize("stream", [False, True])
async def test_one_tier_alone_has_no_fallback_and_no_stand_in(stream: bool) -> None:
    play = Play(policy("cloud_only"), openai=[DOWN])
    seen = await play.chat(stream=stream)
    assert (seen.status, seen.asked) == (503, ["openai"])


async def test_a_tier_that_no_target_is_of() -> None:
    play = Play(policy("device_only"))
    seen = await play.chat()
    assert (seen.status, seen.asked) == (503, [])
    assert "device_only" in seen.json["error"]["message"]
    assert seen.headers["x-should-retry"] == "false"


async def test_a_mode_goes_for_calls_of_no_route_too() -> None:
    play = Play(policy("server_only"), near=[Answer(200, said("Hi"))])
    refused = await play.serve(play.call({"model": "m", "input": "x"}, "/v1/embeddings"))
    assert (refused.status, refused.asked) == (503, [])
    asked = await play.chat(upstream="near")
    assert (asked.status, asked.asked) == (200, ["near"])
