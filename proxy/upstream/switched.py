"""What is left of an exchange whose connection goes on with another protocol (RFC 9110 7.8)."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

SWITCHED = 101


class Switched:
    """The body of an answer 101: no bytes, but the connection itself, for who takes it over.

    Private of aiohttp, and used all the same: `_tail`, what came behind the answer. Its own way to
    get at that is a parser of WebSocket frames, and nobody here reads any.
    """

    __slots__ = ("_connection", "_protocol", "_taken", "_transport")

    def __init__(
        self, connection: Connection, protocol: ResponseHandler, transport: asyncio.Transport
    ) -> None:
        self._connection = connection
        self._protocol = protocol
        self._transport = transport
        self._taken = False

    def take_over(self) -> tuple[asyncio.Transport, bytes]:
        """The connection, paused, and what came behind the answer. Who takes it sets a protocol of
        its own and closes it; it counts as one of the pool's until `aclose`. It may have ended by
        now: a provider can switch, say one thing and go.
        """
        protocol = self._protocol
        self._transport.pause_reading()
        early, protocol._tail = protocol._tail, b""
        self._taken = protocol.transport is not None
        protocol.transport = None
        return self._transport, early

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """It never serves another request."""
        if self._taken:
            self._taken = False
            self._protocol.connection_lost(None)  # nobody else tells it any more
        self._connection.close()
