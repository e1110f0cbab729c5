"""aiohttp's server, with words of ours for what is no request, and for what is our own mistake."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, StreamResponse
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from proxy.capture.identify import Refused
from proxy.capture.inside import Inside
from proxy.core.event import Bug
from proxy.core.journal import Hear
from proxy.upstream.errors import unquoted


def refusal(refused: Refused) -> web.Response:
    """The answer to a request that is not served. The connection ends with it: what follows on it
    is not to be trusted."""
    body = {"error": {"message": refused.message, "type": "understudy_refused", "code": None}}
    response = web.Response(
        status=refused.status,
        body=json.dumps(body).encode(),
        content_type="application/json",
        headers={"Server": "understudy"},
    )
    response.force_close()
    return response


class Server(web.Server):
    """Makes the protocol of each connection. `settings` are those of aiohttp's own.

    Private of aiohttp, and used all the same: `_kwargs` (those settings) and `_loop`. Nothing
    public makes `web.Server` give out a protocol of ours, and its own has no other place to say
    what is answered to bytes that are no request.
    """

    def __init__(
        self,
        handler: Callable[[BaseRequest], Awaitable[StreamResponse]],
        hear: Hear,
        **settings: Any,
    ) -> None:
        super().__init__(handler, **settings)
        self._hear = hear

    def __call__(self, inside: Inside | None = None) -> "Protocol":
        """The protocol of a new connection, or of one `inside` a tunnel."""
        return Protocol(self, self._hear, inside, **self._kwargs)


class Protocol(RequestHandler):
    """aiohttp's own would name its version, and log a traceback for anything that is no HTTP.

    `inside` says what the connection is for where it came through a tunnel or was redirected.
    """

    __slots__ = ("_hear", "inside")

    def __init__(self, server: Server, hear: Hear, inside: Inside | None, **settings: Any) -> None:
        super().__init__(server, loop=server._loop, **settings)
        self._hear = hear
        self.inside = inside

    def hand_over(self) -> asyncio.Transport:
        """Give the connection away, to whom `set_protocol` is called for: it is no HTTP any more,
        and nothing that this protocol does from here on touches it. Raises ConnectionError where
        the app has gone."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionError("the app has gone")
        transport.pause_reading()
        self.transport = None
        self._close = True  # no further request is waited for
        if self._keepalive_handle is not None:
            self._keepalive_handle.cancel()
            self._keepalive_handle = None
        if self._manager is not None:
            self._manager.connection_lost(self)
        return transport

    def early(self) -> bytes:
        """What came behind the request that ended HTTP here: given once. It grows no more when
        another protocol has been set."""
        came, self._message_tail = self._message_tail, b""
        return came

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """The answer where the handler raised, or was never asked since nothing could be read.

        Raises ConnectionError, which ends the connection, where another answer was begun.
        """
        if isinstance(exc, HttpProcessingError):
            refused = Refused(400, f"this is no HTTP request: {unquoted(exc)}")
        elif isinstance(exc, RequestPayloadError):
            refused = Refused(400, "this is no HTTP request: its body broke off")
        else:
            self._hear(Bug("the data port", exc or TimeoutError(message or "")), None)
            refused = Refused(500, "Understudy failed at this request; its log says why")
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        return refusal(refused)
