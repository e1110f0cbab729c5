"""Collectors on loopback: one that takes traces, and one that never answers."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from socket import create_server, socket
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def said(attributes: Any) -> dict[str, Any]:
    """Attributes of a span, an event or a resource."""

    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, pair.value.WhichOneof("value") or "string_value")

    return {pair.key: value(pair) for pair in attributes}


@dataclass
class Collector:
    """What came. `status` is what it answers with."""

    status: int = 200
    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def answer(self, request: web.BaseRequest) -> web.Response:
        assert request.path == "/v1/traces"
        body = await request.read()
        self.raw.append(body)
        self.headers.append(dict(request.headers))
        if self.status == 200:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        self._came.set()
        return web.Response(status=self.status)

    async def until(self, *, requests: int = 0, spans: int = 0) -> None:
        """Wait until that many have come."""
        async with asyncio.timeout(10):
            while len(self.raw) < requests or len(self.spans) < spans:
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def collecting(status: int = 200) -> AsyncIterator[Collector]:
    collector = Collector(status)
    runner = web.ServerRunner(web.Server(collector.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


@contextmanager
def black_hole() -> Iterator[str]:
    """The URL of a collector that takes connections and then says nothing, until it is gone."""
    taken: list[socket] = []
    with create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(2)
    thread.join(5)
    for connection in taken:
        connection.close()
