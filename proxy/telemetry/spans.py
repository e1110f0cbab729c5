"""Story -> spans: one server span for the call, one client span for each attempt.

    POST chat                    server; its parent is the app's span, if it sent one
      chat gpt-4o                client, target openai: 429
      chat openai/gpt-4o         client, target openrouter: answered
    events on the server span: understudy.retry, .retry_refused, .hedge, .fallback, .passed_over,
    .cache, .stream_broke, .resume

An attempt that was called off has `understudy.cancelled` and ends there, which is no error.

Spans are made whole, after the fact, as the SDK's ReadableSpan, which is what an exporter takes:
their identifiers went out in `traceparent` headers long before, and a Tracer would have to be
tricked into handing out those, on the event loop, while the call runs.

Names of attributes: HTTP and GenAI semantic conventions 1.41,
https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai. Tokens and models
stand on client spans only, so that nothing counts them twice. `url.query`, headers and contents
are never there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from proxy.core.event import (
    CacheLooked,
    CallEvent,
    FellBack,
    Hedged,
    NoRetry,
    PassedOver,
    Resumed,
    Retrying,
    RetryRefused,
    StreamBroke,
)
from proxy.telemetry.attempts import Attempt, attempts
from proxy.telemetry.attributes import Attributes, attempt_name, call_name, of_attempt, of_call
from proxy.telemetry.outcome import BAD
from proxy.telemetry.redact import redact
from proxy.telemetry.story import Servers, Story

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"


@dataclass(frozen=True, slots=True)
class Spans:
    """Makes spans that belong to this process."""

    resource: Resource
    scope: InstrumentationScope
    servers: Servers

    def of(self, story: Story) -> Iterator[ReadableSpan]:
        """The server span first."""
        tried = attempts(story.entries)
        yield self._server(story, tried)
        for attempt in tried:
            yield self._client(story, attempt)

    def _server(self, story: Story, tried: list[Attempt]) -> ReadableSpan:
        parent_id = story.trace.parent_id
        bad = story.outcome in BAD
        return ReadableSpan(
            name=call_name(story),
            context=_context(story, story.trace.span_id),
            parent=None if parent_id is None else _context(story, parent_id, remote=True),
            resource=self.resource,
            attributes=of_call(story, len(tried)),
            events=list(_events(story)),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR) if bad else Status(),
            start_time=_ns(story, story.opened_at),
            end_time=_ns(story, story.ended_at),
            instrumentation_scope=self.scope,
        )

    def _client(self, story: Story, attempt: Attempt) -> ReadableSpan:
        started = attempt.started
        failed = attempt.broke or attempt.ended
        kind = None if failed is None else failed.kind
        ended_at = story.ended_at if attempt.ended_at is None else attempt.ended_at
        return ReadableSpan(
            name=attempt_name(story, started),
            context=_context(story, started.span_id),
            parent=_context(story, story.trace.span_id),
            resource=self.resource,
            attributes=of_attempt(story, attempt, self.servers(started.target)),
            kind=SpanKind.CLIENT,
            status=Status()
            if failed is None or kind is None
            else Status(StatusCode.ERROR, redact(failed.message)),
            start_time=_ns(story, attempt.started_at),
            end_time=_ns(story, ended_at),
            instrumentation_scope=self.scope,
        )


def _context(story: Story, span_id: int, *, remote: bool = False) -> SpanContext:
    return SpanContext(story.trace.trace_id, span_id, remote, TraceFlags(TraceFlags.SAMPLED))


def _ns(story: Story, at: float) -> int:
    """A time of the journal in nanoseconds since the epoch, durations exact to the nanosecond."""
    return round(story.offset_s * 1e9) + round(at * 1e9)


def _events(story: Story) -> Iterator[Event]:
    for entry in story.entries:
        said = _said(entry.event)
        if said is not None:
            name, attributes = said
            yield Event(f"understudy.{name}", attributes, _ns(story, entry.at))


def _said(event: CallEvent) -> tuple[str, Attributes] | None:
    """Name and attributes of an event's span event; None of those that spans show otherwise."""
    match event:
        case Retrying(target, kind, wait_s):
            return "retry", _own(target=target, kind=kind.value, wait_s=wait_s)
        case RetryRefused(target, kind, why) if why in (NoRetry.BUDGET, NoRetry.TIME):
            return "retry_refused", _own(target=target, kind=kind.value, reason=why.value)
        case Hedged(origin, target, waited_s):
            return "hedge", _own(origin=origin, target=target, waited_s=waited_s)
        case FellBack(origin, target, kind):
            return "fallback", _own(origin=origin, target=target, kind=kind.value)
        case Resumed(origin, target, kind):
            return "resume", _own(origin=origin, target=target, kind=kind.value)
        case PassedOver(target, reason, kind):
            own = _own(target=target, reason=redact(reason))
            return "passed_over", own if kind is None else own | _own(kind=kind.value)
        case CacheLooked(outcome, age_s):
            return "cache", _own(outcome=outcome.value, age_s=age_s)
        case StreamBroke(target, kind, message):
            own = _own(target=target, kind=kind.value, message=redact(message))
            return "stream_broke", own
        case _:
            return None


def _own(**said: str | float) -> Attributes:
    return {f"understudy.{name}": value for name, value in said.items()}
