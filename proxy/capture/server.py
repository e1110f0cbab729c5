"""aiohttp's server, with words of ours for what is no request, and for what is our own mistake."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, StreamResponse
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from proxy.capture.identify import Refused
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

    def __call__(self) -> RequestHandler:
        return _Protocol(self, self._hear, **self._kwargs)


class _Protocol(RequestHandler):
    """aiohttp's own would name its version, and log a traceback for anything that is no HTTP."""

    __slots__ = ("_hear",)

    def __init__(self, server: Server, hear: Hear, **settings: Any) -> None:
        super().__init__(server, loop=server._loop, **settings)
        self._hear = hear

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
