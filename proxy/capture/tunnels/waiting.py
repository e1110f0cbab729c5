"""The other end of a tunnel, before it is joined with an app's."""

import asyncio
from typing import cast


class Waiting(asyncio.Protocol):
    """Has a fresh connection until it is joined: keeps what comes meanwhile, one read at most.

    Under uvloop pausing in `connection_made` does nothing: it reads afterwards all the same.
    """

    __slots__ = ("_transport", "early")

    def __init__(self) -> None:
        self.early = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.early += data
        self._pause()

    def eof_received(self) -> bool:
        """It is told again when it is read again."""
        return self._pause().can_write_eof()

    def _pause(self) -> asyncio.Transport:
        assert self._transport is not None  # it was made, or nothing would come of it
        self._transport.pause_reading()
        return self._transport
