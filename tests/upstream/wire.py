"""A provider that answers with exactly these bytes, and calls that are sent to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.reply import Reply
from proxy.upstream.exchange import ask
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Door, Pool
from tests.calls import a_call

END = "end"
"""Among the pieces of an answer: the connection ends here."""


class Wire:
    """`answers` are given one after the other, each as soon as a request's head has come; a
    connection stays open unless one says otherwise."""

    def __init__(self) -> None:
        self.answers: list[tuple[bytes | str, ...]] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self.heads: list[bytes] = []
        self.pool = Pool()
        self.door: Door

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                for piece in self.answers.pop(0):
                    if isinstance(piece, str):
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.005)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        finally:
            writer.close()

    async def ask(self, *answer: bytes | str, **fields: object) -> Reply:
        """The reply to a GET that is answered so."""
        self.answers.append(answer)
        call: Call = a_call(**{"method": "GET", "body": b"", **fields})
        headers = CIMultiDict({"Host": "provider.test"})
        async with asyncio.timeout(5):
            return await ask(self.pool, self.door, call, "/", headers)


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    provider = Wire()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider.door = provider.pool.door(Origin.of(f"http://127.0.0.1:{port}"), "openai", 2.0)
    try:
        yield provider
    finally:
        await provider.pool.close()
        server.close()
        await asyncio.sleep(0.01)  # for the loop to take it down
