"""A server on loopback for as long as a test needs it, and not a socket longer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, context: SSLContext | None = None) -> AsyncIterator[int]:
    """The port. A client that leaves is no mistake of `serve`; at the end all are cut."""
    open_now: dict[asyncio.Task[object], asyncio.StreamWriter] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now[task] = writer
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort()
            del open_now[task]

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_now.values():
            writer.transport.abort()
        if open_now:
            await asyncio.wait(tuple(open_now), timeout=5)
        await server.wait_closed()
