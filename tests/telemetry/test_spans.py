from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode

from proxy.core.call import Trace
from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    AttemptStarted,
    Bug,
    CallEnded,
    CallStarted,
    NoRetry,
    Retrying,
    RetryRefused,
    StreamBroke,
    UsageSeen,
)
from proxy.core.failure import FailureKind, Hop
from proxy.core.reply import End
from proxy.telemetry.spans import Spans
from proxy.telemetry.story import Server, Story, story_of
from tests.calls import Heard
from tests.telemetry.calls import CANARY, Telling, broken, plain, raced, resumed, saved

TRACE = Trace(0xF00, 0xA0, True, 0xBEEF)
SERVERS = {
    "openai": Server("openai", "api.openai.com", 443),
    "azure": Server("azure", "a.azure.com", 443),
}


def _story(told: Telling) -> Story:
    (last,) = (e.event for e in told.journal.entries if isinstance(e.event, CallEnded))
    return story_of(TRACE, last, told.journal, told.clock.now(), told.clock.wall())


def _spans(told: Telling) -> list[ReadableSpan]:
    spans = Spans(Resource({}), InstrumentationScope("understudy"), SERVERS.get)
    return list(spans.of(_story(told)))


def _said(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


def _lasted_s(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def test_a_plain_call_is_a_server_span_and_a_client_span() -> None:
    server, client = _spans(plain(Heard(), trace=TRACE, path="/v1/chat/completions?key=abc"))
    assert (server.name, server.kind) == ("POST chat", SpanKind.SERVER)
    assert (server.context.trace_id, server.context.span_id) == (0xF00, 0xA0)
    assert server.parent is not None
    assert server.parent.span_id == 0xBEEF
    assert server.parent.is_remote
    assert server.start_time == 1_800_000_000 * 10**9
    assert _lasted_s(server) == 1.5
    assert server.status.status_code is StatusCode.UNSET
    assert _said(server) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.response.body.size": 1200,
        "url.path": "/v1/chat/completions",
        "understudy.call_id": "call-1",
        "understudy.upstream": "openai",
        "understudy.operation": "chat",
        "understudy.route": "chat",
        "understudy.source": "upstream",
        "understudy.target": "openai",
        "understudy.attempts": 1,
        "understudy.fallback": False,
        "understudy.outcome": "complete",
        "understudy.first_byte_s": 0.5,
        "understudy.model": "gpt-4o",
    }
    assert (client.name, client.kind) == ("chat gpt-4o", SpanKind.CLIENT)
    assert client.context.span_id == 0xA1
    assert client.parent is not None
    assert client.parent.span_id == 0xA0
    assert _lasted_s(client) == 1.5  # until the answer had been passed on
    assert _said(client) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "understudy.target": "openai",
        "understudy.attempt": 1,
    }


def test_a_saved_call_shows_what_was_tried() -> None:
    server, first, second, third = _spans(saved(Heard(), trace=TRACE))
    assert _said(server)["understudy.fallback"] is True
    assert [event.name for event in server.events] == [
        "understudy.retry",
        "understudy.passed_over",
        "understudy.fallback",
    ]
    assert server.events[2].attributes == {
        "understudy.origin": "openai",
        "understudy.target": "openrouter",
        "understudy.kind": "rate_limit",
    }
    assert server.events[0].timestamp == 1_800_000_000_250_000_000
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description == "slow down"
    assert _lasted_s(first) == 0.25
    assert _said(first)["error.type"] == "rate_limit"
    assert _said(first)["http.response.status_code"] == 429
    assert _said(first)["understudy.retry_after_s"] == 2.0
    assert "http.request.resend_count" not in _said(first)
    assert _said(second)["http.request.resend_count"] == 1
    assert third.name == "chat openai/gpt-4o"
    assert third.status.status_code is StatusCode.UNSET
    assert _said(third)["gen_ai.usage.output_tokens"] == 20
    assert "gen_ai.usage.output_tokens" not in _said(first)
    assert "server.address" not in _said(third)


def test_a_broken_stream_ends_its_attempt_where_it_broke() -> None:
    server, client = _spans(broken(Heard(), trace=TRACE))
    assert server.status.status_code is StatusCode.ERROR
    assert _said(server)["error.type"] == "broken_stream"
    assert _said(client)["error.type"] == "broken_stream"
    assert _said(client)["gen_ai.request.stream"] is True
    assert _said(client)["gen_ai.response.time_to_first_chunk"] == 0.5
    assert _lasted_s(client) == 1.0


def test_a_hang_up_cancels_the_attempt_and_is_no_error() -> None:
    told = Telling(Heard(), trace=TRACE)
    told.tell(AttemptStarted("openai", 1, "gpt-4o", 0xA1))
    told.tell(AttemptCancelled("openai", 1, 0.25), after_s=0.25)
    told.ends(end=End.ABANDONED)
    server, client = _spans(told)
    assert server.status.status_code is StatusCode.UNSET
    assert _said(client)["understudy.cancelled"] is True
    assert client.status.status_code is StatusCode.UNSET
    assert _lasted_s(client) == 0.25


def test_in_a_race_everything_is_told_of_the_one_that_it_belongs_to() -> None:
    server, openai, azure = _spans(raced(Heard(), trace=TRACE))
    assert server.name == "POST chat"
    assert [event.name for event in server.events] == ["understudy.hedge"]
    assert server.events[0].attributes == {
        "understudy.origin": "openai",
        "understudy.target": "azure",
        "understudy.waited_s": 2.0,
    }
    assert (_lasted_s(openai), _lasted_s(azure)) == (2.5, 1.5)
    assert openai.status.status_code is StatusCode.UNSET
    assert _said(openai)["understudy.cancelled"] is True
    assert "gen_ai.usage.input_tokens" not in _said(openai)
    assert "understudy.cancelled" not in _said(azure)
    assert _said(azure)["gen_ai.usage.input_tokens"] == 10
    assert _said(azure)["http.response.status_code"] == 200
    assert "http.request.resend_count" not in _said(azure)


def test_of_two_that_overlap_the_first_one_started_may_win_and_break() -> None:
    told = Telling(Heard(), trace=TRACE, stream=True)
    told.tell(AttemptStarted("openai", 1, "gpt-4o", 0xA1))
    told.tell(AttemptStarted("azure", 2, "gpt-4o", 0xA2), after_s=1.0)
    told.tell(AttemptEnded("openai", 1, 1.5, 200), after_s=0.5)
    told.tell(AttemptCancelled("azure", 2, 0.5))
    told.tell(UsageSeen(3, 4))
    told.tell(StreamBroke("openai", FailureKind.NETWORK, "reset"), after_s=1.0)
    told.ends(end=End.BROKEN, kind=FailureKind.NETWORK)
    _, openai, azure = _spans(told)
    assert _said(openai)["error.type"] == "network"
    assert _said(openai)["gen_ai.usage.output_tokens"] == 4
    assert (_lasted_s(openai), _lasted_s(azure)) == (2.5, 0.5)
    assert "error.type" not in _said(azure)
    assert "gen_ai.usage.output_tokens" not in _said(azure)


def test_one_that_answered_too_late_was_called_off() -> None:
    told = Telling(Heard(), trace=TRACE)
    told.tell(AttemptStarted("openai", 1, "gpt-4o", 0xA1))
    told.tell(AttemptStarted("azure", 2, "gpt-4o", 0xA2))
    told.tell(UsageSeen(1, 2, "openai"))
    told.tell(AttemptEnded("openai", 1, 0.5, 200), after_s=0.5)
    told.tell(UsageSeen(10, 20, "azure"))
    told.tell(AttemptEnded("azure", 2, 0.5, 200))
    told.tell(AttemptCancelled("azure", 2, 0.5))
    told.ends()
    _, openai, azure = _spans(told)
    assert _said(openai)["gen_ai.usage.input_tokens"] == 1
    assert _said(azure)["gen_ai.usage.input_tokens"] == 10
    assert _said(azure)["understudy.cancelled"] is True
    assert _said(azure)["http.response.status_code"] == 200
    assert (_lasted_s(openai), _lasted_s(azure)) == (1.5, 0.5)


def test_a_resumed_stream_is_an_attempt_that_broke_and_one_that_went_on() -> None:
    server, openai, azure = _spans(resumed(Heard(), trace=TRACE))
    assert server.status.status_code is StatusCode.UNSET
    (event,) = server.events
    assert event.name == "understudy.resume"
    assert event.attributes == {
        "understudy.origin": "openai",
        "understudy.target": "azure",
        "understudy.kind": "broken_stream",
    }
    assert openai.status.status_code is StatusCode.ERROR
    assert openai.status.description == "azure went on with it"
    assert _said(openai)["error.type"] == "broken_stream"
    assert (_lasted_s(openai), _lasted_s(azure)) == (1.0, 1.5)
    assert azure.status.status_code is StatusCode.UNSET
    assert _said(azure)["gen_ai.usage.output_tokens"] == 20
    assert "gen_ai.usage.output_tokens" not in _said(openai)
    assert "error.type" not in _said(azure)


def test_a_held_stream_that_broke_is_asked_for_again() -> None:
    told = Telling(Heard(), trace=TRACE, stream=True)
    told.answers("openai")
    told.tell(StreamBroke("openai", FailureKind.NETWORK, "reset"), after_s=0.25)
    told.tell(Retrying("openai", FailureKind.NETWORK, 0.0))
    told.answers("openai")
    told.ends()
    _, first, second = _spans(told)
    assert _said(first)["error.type"] == "network"
    assert _lasted_s(first) == 0.75
    assert "error.type" not in _said(second)
    assert _said(second)["http.request.resend_count"] == 1


def test_what_went_wrong_on_the_way_is_told() -> None:
    told = Telling(Heard(), trace=TRACE)
    told.tell(AttemptStarted("openai", 1, "gpt-4o", 0xA1))
    told.tell(AttemptEnded("openai", 1, 0.1, kind=FailureKind.NETWORK, hop=Hop.DNS_ERROR))
    told.ends(status=502, kind=FailureKind.NETWORK)
    _, client = _spans(told)
    assert _said(client)["understudy.failure.hop"] == "dns_error"


def test_a_retry_that_was_not_made_is_an_event() -> None:
    told = Telling(Heard(), trace=TRACE)
    told.fails("openai", FailureKind.UNAVAILABLE, 503, "down")
    told.tell(RetryRefused("openai", FailureKind.UNAVAILABLE, NoRetry.BUDGET))
    told.tell(RetryRefused("openai", FailureKind.UNAVAILABLE, NoRetry.ATTEMPTS))
    told.ends(status=503, kind=FailureKind.UNAVAILABLE)
    server, _ = _spans(told)
    (event,) = server.events
    assert event.name == "understudy.retry_refused"
    assert event.attributes == {
        "understudy.target": "openai",
        "understudy.kind": "unavailable",
        "understudy.reason": "budget",
    }


def test_the_apps_own_retry_is_told() -> None:
    server, client = _spans(plain(Heard(), trace=TRACE, headers={"x-stainless-retry-count": "2"}))
    assert _said(server)["understudy.app_retry"] == 2
    assert "understudy.app_retry" not in _said(client)


def test_tokens_told_of_before_the_attempt_had_ended_are_its_own() -> None:
    told = Telling(Heard(), trace=TRACE)
    told.fails("openai", FailureKind.RATE_LIMIT, 429, "slow down")
    told.tell(AttemptStarted("azure", 2, "gpt-4o", 0xA2))
    told.tell(UsageSeen(1, 2))
    told.tell(AttemptEnded("azure", 2, 0.5, 200))
    told.ends("azure", fallback=True)
    _, first, second = _spans(told)
    assert "gen_ai.usage.input_tokens" not in _said(first)
    assert _said(second)["gen_ai.usage.input_tokens"] == 1


def test_a_story_holds_no_call() -> None:
    told = saved(Heard(), trace=TRACE)
    told.journal.tell(Bug("route chat", ValueError(CANARY)))
    story = _story(told)
    assert CANARY not in repr(story)
    kept = {type(entry.event) for entry in story.entries}
    assert not kept & {CallStarted, CallEnded, Bug}
