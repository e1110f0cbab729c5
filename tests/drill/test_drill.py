"""Plays against the real program: every strategy survives, and what is not survived is seen."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from proxy.capture.answer import relay
from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.failure import FailureKind
from proxy.core.reply import End, Reply
from proxy.dialects.dialect import Dialect
from proxy.drill.expect import Ended
from proxy.drill.faults.server_error import ServerError
from proxy.drill.scenario import HEALTHY, Scenario, always
from proxy.drill.scenarios.table import SCENARIOS
from proxy.policy.snapshot import Snapshot
from proxy.upstream import fields
from tests.drill.policies import UPSTREAMS, drilled, loaded, route, scenario

ROUTE = """
routes:
  - name: chat
    match: {upstream: first, operation: chat}
    targets: [first, second]
"""


@pytest.mark.parametrize("mid_stream", ["error", "resume", "hold"])
@pytest.mark.parametrize("strategy", ["sequential", "fastest", "load_balanced"])
def test_every_strategy_survives_every_fault(strategy: str, mid_stream: str) -> None:
    rows = drilled(route(strategy=strategy, mid_stream=mid_stream), SCENARIOS)
    assert {row.scenario for row in rows} >= {each.name for each in SCENARIOS} - {"another_answer"}
    assert [(row.scenario, row.stream, row.why) for row in rows if not row.survived] == []


def test_a_race_from_the_start_survives() -> None:
    rows = drilled(route(strategy="fastest", hedge_after="0s"), SCENARIOS)
    assert [(row.scenario, row.stream, row.why) for row in rows if not row.survived] == []


def test_a_row_says_what_the_app_and_the_providers_saw() -> None:
    plain, stream = drilled(route(), [scenario("503")])
    assert (plain.stream, stream.stream) == (False, True)
    for row in (plain, stream):
        assert (row.route, row.scenario, row.survived) == ("chat", "503", True)
        assert (row.app.status, row.app.source, row.app.target) == (200, "upstream", "second")
        assert (row.app.attempts, row.app.ended) == (3, Ended.WHOLE)
        assert row.providers == {"first": 2, "second": 1}
        assert row.why == "another target is led to"


def test_an_old_answer_of_the_cache_stands_in() -> None:
    cached = route(targets="[first]", cache="{ttl: 10m, stale_if_error: 1d}")
    for row in drilled(cached, [scenario("503"), scenario("cut")])[:3]:
        assert (row.survived, row.app.source) == (True, "stale"), row


def test_a_prefill_that_is_refused_is_not_the_end() -> None:
    text = """
version: 1
upstreams:
  first: {dialect: openai, url: https://a.test}
  second: {dialect: openai, url: https://b.test, prefill: true}
routes:
  - {name: chat, match: {upstream: first}, targets: [first, second], mid_stream: resume}
"""
    refused, other = drilled(
        loaded(text), [scenario("prefill_refused"), scenario("another_answer")]
    )
    assert (refused.survived, refused.app.ended) == (True, Ended.WHOLE)
    assert refused.providers == {"first": 1, "second": 2}
    assert (other.survived, other.app.ended) == (True, Ended.WHOLE)
    assert other.providers == {"first": 1, "second": 1}


def test_an_embeddings_route_is_played_plain_only() -> None:
    rows = drilled(route(match="{upstream: first, operation: embeddings}"), SCENARIOS)
    assert rows
    assert not any(row.stream for row in rows)
    assert all(row.survived for row in rows)


def _lying(**changes: object) -> Scenario:
    """A 503 for good, and a promise about it that does not hold."""
    honest = scenario("503")
    return replace(honest, **changes)


WRONG = [
    # promised whole, and nobody else is there
    (route(targets="[first]"), _lying(passes=True), "it ended as error, not whole"),
    # the promise is an error, and it came out well
    (route(), _lying(plain=always(FailureKind.CONTENT_FILTER)), "it ended as whole, not error"),
    # a status that does not fit
    (
        route(targets="[first, {upstream: second, on: [quota]}]"),
        _lying(plain=always(FailureKind.AUTH), others=ServerError(503)),
        "",
    ),
    # a hint was given, and the app does not hear of it
    (route(targets="[first]"), _lying(wait_s=5.0), "not told when to come back"),
    # the fallback is no better
    (route(), _lying(others=ServerError(500)), "it ended as error, not whole"),
]


@pytest.mark.parametrize(("snapshot", "lie", "why"), WRONG)
def test_what_does_not_hold_is_not_survived(snapshot: Snapshot, lie: Scenario, why: str) -> None:
    row = drilled(snapshot, [lie])[0]
    assert why in row.why
    assert row.survived is (why == "")


def test_who_is_well_is_no_failure() -> None:
    well = replace(
        scenario("503"), script=lambda upstream: (HEALTHY,), plain=always(), streamed=always()
    )
    for row in drilled(route(), [well]):
        assert (row.survived, row.providers) == (True, {"first": 1, "second": 0})


def _spoiled(monkeypatch: pytest.MonkeyPatch, change: Callable[[Reply], None]) -> None:
    """A program that spoils its answers on their way to the app."""
    send = relay._send

    async def spoil(
        request: BaseRequest, call: Call, reply: Reply, dialect: Dialect, last: bool, clock: Clock
    ) -> End:
        change(reply)
        return await send(request, call, reply, dialect, last, clock)

    monkeypatch.setattr(relay, "_send", spoil)


def test_a_wrong_content_type_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(reply: Reply) -> None:
        reply.headers = CIMultiDict({**reply.headers, "Content-Type": "text/plain"})

    _spoiled(monkeypatch, lie)
    plain, stream = drilled(route(), [scenario("503")])
    assert plain.why == "the answer says that it is text/plain, and is application/json"
    assert stream.why == "the answer says that it is text/plain, and is text/event-stream"


def test_an_error_that_looks_like_an_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def gloss_over(reply: Reply) -> None:
        reply.status = 200

    _spoiled(monkeypatch, gloss_over)
    plain, _ = drilled(route(targets="[first]"), [scenario("503")])
    assert "the error has the status of a good answer" in plain.why


def test_a_provider_that_is_asked_before_it_wants_to_be_is_seen() -> None:
    hint = scenario("rate_limit_hint")
    eager = replace(hint, wait_s=3.0)  # it asks for 2 seconds, and gets them
    for row in drilled(route(), [eager]):
        assert row.why == "another request to first came after 2 s, and 3 s were wanted"
    assert all(row.survived for row in drilled(route(), [hint]))


def test_a_key_of_the_app_with_somebody_else_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_TO_STRANGERS", (*fields._TO_STRANGERS, "Authorization"))
    bare = loaded(UPSTREAMS.replace(", api_key: sk-secret", "") + ROUTE)
    for row in drilled(bare, [scenario("503")]):
        assert row.why == "second was given the app's key"


def test_completions_are_gone_on_with_by_a_prefill() -> None:
    able = UPSTREAMS.replace("api_key: sk-secret", "prefill: true")
    text = able + ROUTE.replace("chat}", "completions}") + "    mid_stream: resume\n"
    for row in drilled(loaded(text), [scenario("cut"), scenario("another_answer")]):
        assert row.survived, row.why
