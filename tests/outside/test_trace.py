"""A trace as a collector gets it: the attempts, the fallback, and who answered."""

import asyncio
from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.server_error import ServerError
from tests.outside.policies import APP_KEY, OTHER_KEY, Providers, two
from tests.outside.process import policy, serving
from tests.outside.sdk import Way, app, chat
from tests.provider import Provider
from tests.telemetry.collector import collecting, said


def _talk(policies: Path, collector_url: str) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector_url}
    with serving(policies, environ=told) as proxy, app(Way.BASE_URL, proxy.listen) as client:
        chat(client, stream=True)


async def test_a_collector_sees_attempts_fallback_and_source(
    providers: Providers, first: Provider, second: Provider, tmp_path: Path
) -> None:
    first.plays(ServerError(503), RateLimit(wait="60"))
    policies = policy(tmp_path, two(providers))
    async with collecting() as collector:
        await asyncio.to_thread(_talk, policies, collector.url)  # which ends with a flush
        spans = collector.spans
        raw = b"".join(collector.raw)
    server = next(span for span in spans if span.kind == Span.SPAN_KIND_SERVER)
    clients = [span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert {span.trace_id for span in spans} == {server.trace_id}
    assert {span.parent_span_id for span in clients} == {server.span_id}
    clients.sort(key=lambda span: span.start_time_unix_nano)
    tried = [
        (
            said(span.attributes)["understudy.target"],
            said(span.attributes).get("http.response.status_code"),
            said(span.attributes).get("error.type"),
        )
        for span in clients
    ]
    assert tried == [
        ("openai", 503, "unavailable"),
        ("openai", 429, "rate_limit"),
        ("other", 200, None),
    ]
    call = said(server.attributes)
    assert server.name == "POST chat"
    assert server.status.code == Status.STATUS_CODE_UNSET
    assert call["understudy.source"] == "upstream"
    assert call["understudy.target"] == "other"
    assert call["understudy.fallback"] is True
    assert call["understudy.attempts"] == 3
    names = [event.name for event in server.events]
    assert names == ["understudy.retry", "understudy.fallback"]
    parents = [request.values("traceparent") for request in (*first.requests, *second.requests)]
    wanted = [[f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"] for span in clients]
    assert parents == wanted, "each provider can hang its own spans below its attempt"
    for secret in (APP_KEY, OTHER_KEY, "Hi", "Hello"):
        assert secret.encode() not in raw
