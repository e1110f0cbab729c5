"""The whole room at work: a real collector, one that never answers, and a canary key."""

import asyncio
import io
import logging
import time
from collections.abc import Mapping

import pytest
from multidict import CIMultiDict
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from proxy.core.event import (
    BreakerMoved,
    HealthMoved,
    ModelLoaded,
    PolicyLoaded,
    PolicyRefused,
    Probed,
)
from proxy.core.failure import FailureKind
from proxy.core.reply import Source
from proxy.telemetry import exporter as room
from proxy.telemetry.formats import LogFormat
from proxy.telemetry.hub import Telemetry
from proxy.telemetry.line import LOGGER
from proxy.telemetry.log import Log
from proxy.telemetry.story import Server
from tests.clock import FalseClock, LoadedDice
from tests.telemetry.calls import CANARY, Telling, broken, plain, resumed, saved
from tests.telemetry.collector import black_hole, collecting, said

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
APP_SPAN = "00f067aa0ba902b7"
FROM_APP = CIMultiDict({"traceparent": f"00-{TRACE_ID}-{APP_SPAN}-01"})


def _telemetry(
    endpoint: str | None,
    more: Mapping[str, str] | None = None,
    clock: FalseClock | None = None,
) -> Telemetry:
    environment = {} if endpoint is None else {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return Telemetry(
        clock or FalseClock(),
        LoadedDice(),
        environment | dict(more or {}),
        version="1.2.3",
        servers=lambda target: Server("openai", f"api.{target}.com", 443),
    )


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.telemetry.courier.INTERVAL_S", 0.01)


async def test_a_collector_sees_the_attempts_the_fallback_and_the_source() -> None:
    async with collecting() as collector:
        more = {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_HEADERS": "x-team=a"}
        clock = FalseClock()
        telemetry = _telemetry(collector.url, more, clock)
        trace = telemetry.trace_for(FROM_APP)
        saved(telemetry.hear, clock=clock, trace=trace)
        await collector.until(spans=4)
        await asyncio.to_thread(telemetry.close, 5.0)
    server, first, second, third = collector.spans
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE_ID}
    assert server.parent_span_id.hex() == APP_SPAN
    assert (server.name, server.kind) == ("POST chat", Span.SPAN_KIND_SERVER)
    assert trace is not None
    assert int(server.span_id.hex(), 16) == trace.span_id
    assert [span.name for span in server.events] == [
        "understudy.retry",
        "understudy.passed_over",
        "understudy.fallback",
    ]
    assert said(server.attributes)["understudy.source"] == "upstream"
    assert said(server.attributes)["understudy.fallback"] is True
    assert said(server.attributes)["understudy.attempts"] == 3
    for number, span in enumerate((first, second, third), start=1):
        assert span.kind == Span.SPAN_KIND_CLIENT
        assert span.parent_span_id == server.span_id
        assert int(span.span_id.hex(), 16) == 0xA0 + number
        assert server.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= server.end_time_unix_nano
    assert first.status.code == Status.STATUS_CODE_ERROR
    assert said(first.attributes)["error.type"] == "rate_limit"
    assert said(third.attributes)["gen_ai.request.model"] == "openai/gpt-4o"
    assert said(third.attributes)["server.address"] == "api.openrouter.com"
    resource = collector.requests[0].resource_spans[0]
    assert said(resource.resource.attributes)["service.name"] == "understudy"
    assert said(resource.resource.attributes)["service.version"] == "1.2.3"
    assert resource.scope_spans[0].schema_url.endswith("/1.41.0")
    assert collector.headers[0]["x-team"] == "a"


async def test_what_waits_is_sent_at_the_end() -> None:
    async with collecting() as collector:
        telemetry = _telemetry(collector.url)
        for _ in range(3):
            plain(telemetry.hear, trace=telemetry.trace_for(CIMultiDict()))
        await asyncio.to_thread(telemetry.close, 5.0)
    assert len(collector.spans) == 6
    assert len({span.trace_id for span in collector.spans}) == 3
    assert not any(span.parent_span_id for span in collector.spans[::2])


async def test_what_is_not_sampled_is_passed_on_and_not_recorded() -> None:
    async with collecting() as collector:
        telemetry = _telemetry(collector.url)
        asked = CIMultiDict({"traceparent": f"00-{TRACE_ID}-{APP_SPAN}-00"})
        trace = telemetry.trace_for(asked)
        assert trace is not None
        assert trace.header() == f"00-{TRACE_ID}-{trace.span_id:016x}-00"
        plain(telemetry.hear, trace=trace)
        await asyncio.to_thread(telemetry.close, 5.0)
    assert collector.raw == []


def test_nobody_records() -> None:
    telemetry = _telemetry(None)
    assert telemetry.trace_for(FROM_APP) is None
    plain(telemetry.hear)
    telemetry.close(0.0)
    assert telemetry.counts().total_requests == 1
    assert b"understudy_traces_dropped_total" not in telemetry.metrics_text()


def test_a_collector_that_never_answers_holds_up_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "EXPORT_TIMEOUT_S", 30.0)
    with black_hole() as url:
        telemetry = _telemetry(url)
        trace = telemetry.trace_for(FROM_APP)
        slowest_s = 0.0
        for _ in range(3000):
            started = time.perf_counter()
            plain(telemetry.hear, trace=trace)
            slowest_s = max(slowest_s, time.perf_counter() - started)
        started = time.perf_counter()
        telemetry.close(0.3)
        assert time.perf_counter() - started < 2.0
        assert slowest_s < 0.5
        assert "The last traces are lost" in caplog.text
        text = telemetry.metrics_text().decode()
    dropped = next(
        line for line in text.splitlines() if line.startswith("understudy_traces_dropped_total ")
    )
    assert float(dropped.split()[1]) > 500


async def test_a_collector_that_refuses_is_told_of_once_and_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", LOGGER)
    async with collecting(status=400) as collector:
        telemetry = _telemetry(collector.url)
        trace = telemetry.trace_for(FROM_APP)
        for wanted in (1, 2, 3):
            plain(telemetry.hear, trace=trace)
            await collector.until(requests=wanted)
        collector.status = 200
        plain(telemetry.hear, trace=trace)
        await collector.until(spans=2)
        await asyncio.to_thread(telemetry.close, 5.0)
    messages = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert len(messages) == 2
    assert "does not take traces" in messages[0]
    assert "Bad Request" in messages[0]
    assert "takes traces again" in messages[1]
    assert b"understudy_traces_dropped_total 3.0" in telemetry.metrics_text()


def test_a_bug_costs_no_call(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = _telemetry(None)
    monkeypatch.delattr("proxy.telemetry.target_numbers._BREAKER_STATES")
    telemetry.hear(BreakerMoved("openai", "closed", "open"), None)
    assert telemetry.bugs == 1
    assert "A bug in telemetry" in caplog.text
    assert b"understudy_telemetry_bugs_total 1.0" in telemetry.metrics_text()


@pytest.mark.parametrize("form", list(LogFormat))
async def test_a_key_is_in_none_of_it(form: LogFormat) -> None:
    """The canary is in the call's headers and body, and in everything that a provider can say."""
    stream = io.StringIO()
    log = Log(stream, form, "debug")
    async with collecting() as collector:
        telemetry = Telemetry(
            FalseClock(),
            LoadedDice(),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            version="1",
            log=log,
        )
        echo = f"Incorrect API key provided: {CANARY}\r\n (Bearer {CANARY})"
        but = {
            "trace": telemetry.trace_for(FROM_APP),
            "model": f"gpt {CANARY}",
            "path": f"/v1/{CANARY}/x?key={CANARY}",
        }
        plain(telemetry.hear, **but)
        saved(telemetry.hear, echo, **but)
        broken(telemetry.hear, echo, **but)
        told = Telling(telemetry.hear, **but)  # type: ignore[arg-type]
        told.fails("openai", FailureKind.AUTH, 401, echo)
        told.ends("mock", source=Source.MOCK, fallback=True, degraded=echo)
        telemetry.hear(BreakerMoved("openai", "closed", "open", echo), None)
        resumed(telemetry.hear, **but)
        telemetry.hear(HealthMoved("openai", False, echo), None)
        telemetry.hear(Probed("openai", 0.1, echo), None)
        telemetry.hear(PolicyLoaded("digest", ("a.yaml",), (echo,)), None)
        telemetry.hear(PolicyRefused((echo,)), None)
        telemetry.hear(ModelLoaded("mini", "numpy", 1.0, echo), None)
        logging.getLogger("aiohttp.server").error(echo)
        await collector.until(spans=8)
        await asyncio.to_thread(telemetry.close, 5.0)
        assert telemetry.bugs == 0
        metrics = telemetry.metrics_text()
    log.close(5.0)
    traces = b"".join(collector.raw)
    logged = stream.getvalue()
    assert b"Incorrect API key provided" in traces
    assert "Incorrect API key provided" in logged
    for place in (traces, metrics, logged.encode()):
        assert b"CANARY" not in place
        assert b"canary" not in place
