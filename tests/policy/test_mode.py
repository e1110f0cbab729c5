"""Which tier of targets comes first, or alone."""

import pytest

from proxy.policy.mode import Mode
from tests.policy.loading import loaded, refused

POLICY = """
version: 1
upstreams:
  far: {dialect: openai, url: https://far.example, tier: cloud}
  near: {dialect: openai, url: https://near.example, tier: server}
  here: {dialect: openai, url: http://127.0.0.1:11434, tier: device}
  afar: {dialect: openai, url: https://afar.example}
routes:
  - name: vectors
    match: {operation: embeddings}
    targets: [local, here, near, far, afar]
    cache: {ttl: 1h, stale_if_error: 1h}
    last_resort: mock
"""
AS_WRITTEN = ["local", "here", "near", "far", "afar"]


def asked(text: str, **environ: str) -> list[str]:
    return [target.name for target in loaded(text, **environ).routes[0].targets]


def test_without_a_mode_targets_are_asked_as_they_are_written() -> None:
    assert asked(POLICY) == AS_WRITTEN
    assert loaded(POLICY).mode is None


@pytest.mark.parametrize(
    ("mode", "order"),
    [
        ("cloud_first", ["far", "afar", "near", "local", "here"]),
        ("server_first", ["near", "far", "afar", "local", "here"]),
        ("device_first", ["local", "here", "near", "far", "afar"]),
        ("phone_first", ["local", "here", "near", "far", "afar"]),
        ("cloud_only", ["far"]),
        ("server_only", ["near"]),
        ("device_only", ["local"]),
        ("phone_only", ["local"]),
    ],
)
def test_a_mode_sorts_and_filters_by_tier(mode: str, order: list[str]) -> None:
    assert asked(POLICY + f"mode: {mode}\n") == order
    assert asked(POLICY, AI_INFERENCE_MODE=mode) == order


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode.alone])
def test_one_tier_alone_has_nobody_in_its_place(mode: Mode) -> None:
    route = loaded(POLICY + f"mode: {mode}\n").routes[0]
    assert route.last_resort == "none"
    assert route.cache is not None
    assert (route.cache.ttl, route.cache.stale_if_error) == (3600.0, 0.0)


def test_the_environment_overrides_the_policy() -> None:
    assert asked(POLICY + "mode: cloud_only\n", AI_INFERENCE_MODE=" Server_Only ") == ["near"]
    assert asked(POLICY + "mode: cloud_only\n", AI_INFERENCE_MODE="") == ["far"]


def test_a_mode_that_nobody_knows() -> None:
    (told,) = refused(POLICY, AI_INFERENCE_MODE="clowd_only")
    assert "AI_INFERENCE_MODE must be one of cloud_first, " in told
    assert "'clowd_only'" in told


def test_a_route_that_a_mode_leaves_nobody_to_ask() -> None:
    text = POLICY.replace("[local, here, near, far, afar]", "[far, afar]")
    snapshot = loaded(text, AI_INFERENCE_MODE="device_only")
    assert snapshot.routes[0].targets == ()
    assert any("leaves route 'vectors' nobody to ask" in told for told in snapshot.warnings)
    assert not any("nobody to ask" in told for told in loaded(text).warnings)


def test_modes_have_digests_of_their_own() -> None:
    digests = {loaded(POLICY, AI_INFERENCE_MODE=mode).digest for mode in ("", "cloud_only")}
    assert len(digests) == 2
