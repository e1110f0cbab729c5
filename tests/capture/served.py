"""The server of the data port with a handler of the test's own, on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp.web import BaseRequest, Response, StreamResponse

from proxy.capture.connection.server import Server
from proxy.capture.limits import Limits
from proxy.core.event import TurnedAway
from tests.calls import Heard

Handle = Callable[[BaseRequest], Awaitable[StreamResponse]]


@dataclass
class Served:
    """What is running: its `port`, what was `heard`, and the targets that got to the handler."""

    server: Server
    port: int
    heard: Heard
    asked: list[str] = field(default_factory=list)

    @property
    def turned_away(self) -> list[tuple[int, str]]:
        events = [event for event in self.heard.events if isinstance(event, TurnedAway)]
        return [(event.status, event.reason) for event in events]

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, *pieces: bytes, apart_s: float = 0.01) -> bytes:
        """All that is answered to these packets until the other side closes."""
        reader, writer = await self.open()
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(apart_s)
            answer = await reader.read()
        writer.close()
        return answer


async def read_all(request: BaseRequest) -> StreamResponse:
    """Reads the body, as every request's is."""
    while await request.content.readany():
        pass
    return Response(body=b"ok")


@asynccontextmanager
async def served(limits: Limits, handle: Handle = read_all) -> AsyncIterator[Served]:
    """A server under `limits`. What asyncio would only log fails the test that caused it."""
    loop, heard, asked = asyncio.get_running_loop(), Heard(), list[str]()
    unhandled: list[object] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))

    async def noted(request: BaseRequest) -> StreamResponse:
        asked.append(request.raw_path)
        return await handle(request)

    server = Server(noted, heard, limits)
    listening = await loop.create_server(server, "127.0.0.1", 0)
    try:
        yield Served(server, listening.sockets[0].getsockname()[1], heard, asked)
    finally:
        listening.close()
        await server.shutdown(1.0)
        await listening.wait_closed()
    assert not unhandled
