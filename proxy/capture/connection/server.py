"""aiohttp's server: it makes the protocol of each connection, and has what they share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web import BaseRequest, StreamResponse

from proxy.capture.connection.framing import field_bytes
from proxy.capture.connection.protocol import Ended, Protocol
from proxy.capture.connection.seats import Seats
from proxy.capture.limits import Limits
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.core.journal import Hear


class Server(web.Server):
    """Private of aiohttp, and used all the same: `_kwargs` (what its protocol is to be like) and
    `_loop`. Nothing public makes `web.Server` give out a protocol of ours."""

    def __init__(
        self,
        handler: Callable[[BaseRequest], Awaitable[StreamResponse]],
        hear: Hear,
        limits: Limits,
    ) -> None:
        """A request is turned away that `handler` raises Refused for."""
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=limits.keepalive_s,
            max_line_size=limits.line_bytes,
            max_field_size=field_bytes(limits),
            max_headers=limits.field_count,
        )
        self.hear = hear
        self.limits = limits
        self.seats = Seats(limits)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def settings(self) -> dict[str, Any]:
        """Of aiohttp's protocol."""
        return self._kwargs

    def __call__(self, inside: Inside | None = None, ended: Ended | None = None) -> Protocol:
        """The protocol of a new connection, or of one `inside` a tunnel."""
        return Protocol(self, inside, ended)

    def refuse(self, request: BaseRequest, refused: Refused) -> StreamResponse:
        """The answer to a request that is not served, and the last one on its connection."""
        return protocol_of(request).refuse(request, refused)


def protocol_of(request: BaseRequest) -> Protocol:
    """That of the connection on which it came."""
    protocol = request.protocol
    assert isinstance(protocol, Protocol)  # the server makes no other
    return protocol
