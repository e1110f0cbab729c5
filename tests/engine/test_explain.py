"""What is explained is what is done."""

import json

import pytest
from multidict import CIMultiDict

from proxy.core.event import CallStarted
from proxy.engine.explain import Explanation, explain, lines, node
from tests.plays.stage import Answer, Play, said

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 3}
    models: {gpt-4o: big}
  other: {dialect: openai, url: https://other.example/api, api_key: a-secret-key}
  raw: {dialect: raw, url: https://raw.example}
routes:
  - name: vectors
    match: {upstream: openai, operation: embeddings}
    targets: [openai, local]
  - name: search
    match: {upstream: openai, model: "gpt-4*", headers: {x-team: search}}
    targets: [openai]
  - name: chat
    match: {upstream: openai, operation: chat}
    targets: [openai, {upstream: other, model: large, set: {max_tokens: 5}, on: [quota]}]
    cache: {ttl: 10m}
    last_resort: mock
"""
BODY = b'{"model": "gpt-4o", "stream": true}'


def _explained(
    play: Play, path: str = "/v1/chat/completions", upstream: str = "openai", **headers: str
) -> Explanation:
    return explain(play.program, upstream, path, "POST", CIMultiDict(headers), BODY)


def test_a_request_and_what_it_is_taken_for() -> None:
    found = _explained(Play(POLICY))
    assert (found.upstream, found.dialect, found.operation) == ("openai", "openai", "chat")
    assert (found.model, found.stream, found.route) == ("gpt-4o", True, "chat")
    assert found.why_not == (
        ("vectors", "operation is chat, wants embeddings"),
        ("search", "header x-team is absent, wants search"),
    )


def test_without_a_route_the_upstream_answers_alone() -> None:
    found = _explained(Play(POLICY), upstream="raw")
    assert found.route == ""
    assert [name for name, _ in found.why_not] == ["vectors", "search", "chat"]
    assert all(reason for _, reason in found.why_not)


@pytest.mark.parametrize(
    ("headers", "upstream", "path"),
    [
        ({}, "openai", "/v1/chat/completions"),
        ({"x-team": "search"}, "openai", "/v1/chat/completions"),
        ({}, "openai", "/v1/embeddings"),
        ({}, "openai", "/v1/completions"),
        ({}, "other", "/v1/chat/completions"),
        ({}, "raw", "/v1/messages"),
    ],
)
async def test_the_tree_is_the_one_that_a_call_takes(
    headers: dict[str, str], upstream: str, path: str
) -> None:
    answer = Answer(200, {**said("Hi"), "data": []})
    play = Play(POLICY, **{upstream: [answer]})
    explained = _explained(play, path, upstream, **headers)
    seen = await play.serve(play.call(BODY, path, upstream=upstream, headers=headers))
    (started,) = seen.told(CallStarted)
    call = started.call
    assert started.route == explained.route
    assert (call.operation, call.model, call.stream) == (
        explained.operation,
        explained.model,
        explained.stream,
    )
    taken = play.program.plan(upstream, call.operation, call.model, call.headers)
    assert node(taken) == explained.plan


def test_the_layers_are_shown_in_their_order_with_their_settings() -> None:
    tree = _explained(Play(POLICY)).plan
    shown = "\n".join(lines(tree))
    assert [line.split()[0] for line in shown.splitlines()] == [
        *("Observe", "Deadline", "LastResort", "Cached", "Sequential"),
        *("Target", "Adapt", "Retry", "Guard", "FirstByte", "Scripted"),
        *("Target", "Adapt", "Retry", "Guard", "FirstByte", "Scripted"),
        "Mock",
    ]
    assert "attempts: 3" in shown
    assert "ttl_s=600" in shown
    assert "on=[quota]" in shown
    assert "changes={max_tokens: 5}" in shown
    json.dumps(tree)


STRATEGIES = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, limit: {concurrency: 4}}
  other: {dialect: openai, url: https://other.example/api, api_key: a-secret-key}
routes:
  - name: fast
    match: {upstream: openai, headers: {x-team: fast}}
    strategy: fastest
    hedge_after: 2s
    extra_calls: 1
    deadline: 30s
    mid_stream: hold
    targets: [openai, other]
  - name: spread
    match: {upstream: openai}
    strategy: load_balanced
    mid_stream: resume
    when_all_open: try
    targets: [{upstream: openai, weight: 3}, {upstream: other, max_retries: 0}]
"""


@pytest.mark.parametrize(
    ("team", "layers", "settings"),
    [
        (
            "fast",
            [
                *("Observe", "Deadline", "Fastest"),
                *("Target", "Adapt", "Retry", "Hold", "Limited", "Guard", "FirstByte", "Scripted"),
                *("Target", "Adapt", "Retry", "Hold", "Guard", "FirstByte", "Scripted"),
            ],
            ["Deadline total_s=30 ", "Fastest hedge_after_s=2 extra_calls=1 "],
        ),
        (
            "others",
            [
                *("Observe", "Deadline", "Resume", "Balanced"),
                *("Target", "Adapt", "Retry", "Limited", "Guard", "FirstByte", "Scripted"),
                *("Target", "Adapt", "Retry", "Guard", "FirstByte", "Scripted"),
            ],
            ["Balanced when_all_open=try", "weight=3", "attempts: 1,"],
        ),
    ],
)
def test_every_strategy_is_shown_with_its_settings_and_nothing_that_lives(
    team: str, layers: list[str], settings: list[str]
) -> None:
    tree = _explained(Play(STRATEGIES), **{"x-team": team}).plan
    shown = "\n".join(lines(tree))
    assert [line.split()[0] for line in shown.splitlines()] == layers
    assert all(words in shown for words in settings)
    assert "None" not in shown
    for alive in ("standing", "loads", "clock", "dice", "journal", "object at"):
        assert alive not in json.dumps(tree)


def test_no_key_is_shown() -> None:
    assert "a-secret-key" not in json.dumps(_explained(Play(POLICY)).plan)


def test_breakers_and_limits_are_shown_as_they_are_in_force() -> None:
    limited = POLICY.replace("retry: {attempts: 3}", "limit: {concurrency: 7}")
    shown = "\n".join(lines(_explained(Play(limited)).plan))
    assert "places={concurrency: 7, wait: 5, learn: True}" in shown
    assert "breaker={window: 30, min_calls: 10" in shown
