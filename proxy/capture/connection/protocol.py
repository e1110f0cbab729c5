"""One connection of an app: aiohttp's protocol of it, under limits and with words of ours.

reading --- a fault, or a limit reached ---> deaf: no byte is looked at any more
   |                                           |
   '-- hand_over --> somebody else's           answered in its turn, lingers, closes
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web import BaseRequest, RequestPayloadError, StreamResponse
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from proxy.capture.connection.framing import fault, head_bytes, named, too_large
from proxy.capture.connection.turned import Turned
from proxy.capture.connection.unfinished import Unfinished
from proxy.capture.limits import LINGER_S
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.core.call import Face
from proxy.core.event import Bug, TurnedAway

if TYPE_CHECKING:  # the server makes protocols, and each knows whose it is
    from proxy.capture.connection.server import Server

Ended = Callable[[Inside, bool], None]
"""Is told of a connection inside a tunnel that has ended, and whether a request came on it."""


MOST_PER_BYTE = 8
"""Bytes on the wire for each of a body. Chunks of a single byte take six; more is padding."""


class _Over(Exception):
    """Queued where a request would be: all is said, and the connection ends here."""


class Protocol(RequestHandler):
    """aiohttp's own would name its version, log a traceback for anything that is no HTTP, wait for
    ever for a head or a body that cannot come, and count nothing.

    `inside` says what the connection is for where it came through a tunnel or was redirected; who
    put it there is told when it has `ended`.

    Private of aiohttp, and used all the same: the queue of what was parsed (`_messages`), where the
    handler waits for it (`_waiter`), and the form in which it queues what cannot be parsed
    (`_ErrInfo`). Nothing public lets a protocol judge a request before it is served, or end one
    that nobody finishes.
    """

    __slots__ = (
        *("_body", "_body_bytes", "_deaf", "_ended", "_leave", "_server", "_unfinished"),
        "inside",
    )

    def __init__(self, server: "Server", inside: Inside | None, ended: Ended | None) -> None:
        super().__init__(server, loop=server.loop, **server.settings)
        self._server = server
        self._ended = ended
        self._deaf = False
        self._body: StreamReader | None = None  # of the last request, while it is coming
        self._body_bytes = 0  # that came of it, chunk sizes and all
        self._unfinished = Unfinished(server.limits, server.loop, self._turn_away)
        self._leave: Callable[[], None] | None = None
        self.inside = inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        client = str(peer[0]) if peer else ""
        seats = self._server.seats
        self._leave = seats.take(client)
        refused = None
        inside = self.inside
        if inside is None or inside.face is Face.TRANSPARENT:  # else it had a seat before
            refused = seats.refusal(client)
            if refused is not None and seats.overrun:
                self._announce(Face.BASE_URL, refused)
                cast(asyncio.Transport, transport).abort()
                return
        super().connection_made(transport)
        if refused is not None:
            self._turn_away(refused)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._unfinished.forget()
        if self._leave is not None:
            self._leave()
        if self._ended is not None and self.inside is not None:
            self._ended(self.inside, self._request_count > 0)

    async def start(self) -> None:
        """Serve the requests of this connection. It keeps its seat until that is done, also where
        it was handed over while the last one is served."""
        try:
            await super().start()
        finally:
            if self._leave is not None:
                self._leave()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._judge(self._request_count - before)
        elif self._body is not None:
            self._body_grew(self._body, len(data))
        elif data and not self._upgraded:
            self._unfinished.grew(data)

    def _judge(self, count: int) -> None:
        """The last `count` of the queue are new. The first that is at fault is turned away, and
        nothing that comes behind it is served."""
        messages, limits = self._messages, self._server.limits
        for at in range(len(messages) - count, len(messages)):
            message, payload = messages[at]
            if isinstance(message, _ErrInfo):
                self._deaf = True
                self._unfinished.forget()
                if self._body is not None and not self._body.is_eof():
                    refused = named(message.exc, limits)
                    messages[at] = self._break_body(self._body, refused), EMPTY_PAYLOAD
                return
            refused = fault(message)
            if self._unfinished.size_bytes and head_bytes(message) > limits.head_bytes:
                refused = too_large(limits)
            if refused is not None:
                while len(messages) > at:
                    messages.pop()
                self._turn_away(refused)
                return
            if message.upgrade:  # what follows is another protocol's, or nobody's
                messages[at] = message._replace(should_close=True), payload
            self._body, self._body_bytes = None if payload.is_eof() else payload, 0
            if self._unfinished.size_bytes:
                self._unfinished.forget()

    def _body_grew(self, body: StreamReader, came_bytes: int) -> None:
        """Chunks may say more than they bring, but not for ever (RFC 9112 7.1.1)."""
        self._body_bytes += came_bytes
        if body.is_eof():
            self._body = None
        elif self._body_bytes > MOST_PER_BYTE * body.total_bytes + self._server.limits.line_bytes:
            self._break_body(body, Refused(400, "a request's chunks hold next to nothing"))
            self._turn_away(_Over())

    def _break_body(self, body: StreamReader, refused: Refused | None) -> _ErrInfo:
        """Tell who reads a body that the rest of it is no HTTP. aiohttp tells nobody, and takes
        the error for a request of its own; what is to be queued in its place is returned."""
        body.set_exception(refused or RequestPayloadError("it is no HTTP"))
        body.feed_eof()  # aiohttp's own end of a request need not wait for the rest
        return _ErrInfo(status=400, exc=_Over(), message="")

    def _process_keepalive(self) -> None:
        if self._unfinished.size_bytes:  # it is not idle, and has a timer that ends it
            self._keepalive_handle = None
        else:
            super()._process_keepalive()

    def _turn_away(self, error: Refused | _Over) -> None:
        """Answer so when all that was asked before is answered, and listen to nothing more."""
        self._deaf = True
        self._unfinished.forget()
        self._messages.append((_ErrInfo(status=400, exc=error, message=""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def refuse(self, request: BaseRequest, refused: Refused) -> StreamResponse:
        """The answer to a request that is not served, and the last one here."""
        self._announce(_face(request), refused)
        return self._end(request, refused)

    def end_with(self, request: BaseRequest, refused: Refused) -> None:
        """`request`, which is being answered already, is the last one here, since it broke a limit;
        the rest of it is not read."""
        self._announce(_face(request), refused)
        if not request.content.is_eof():
            request.content.feed_eof()
        self._turn_away(_Over())

    def _end(self, request: BaseRequest, refused: Refused | None) -> StreamResponse:
        self._deaf = True
        if not request.content.is_eof():
            request.content.feed_eof()  # what follows need not be read
        return Turned(refused)

    def _announce(self, face: Face, refused: Refused) -> None:
        if self.inside is not None:
            face = self.inside.face
        told = TurnedAway(face, refused.status, refused.reason, refused.message)
        self._server.hear(told, None)

    def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[StreamResponse, bool]]:
        """Send what is left of an answer; where it is the last, and there is more to come than is
        read, see that it gets through."""
        finishing = super().finish_response(request, resp, start_time)
        return self._last(finishing) if self._deaf and not resp.keep_alive else finishing

    async def _last(
        self, finishing: Coroutine[Any, Any, tuple[StreamResponse, bool]]
    ) -> tuple[StreamResponse, bool]:
        finished = await finishing
        await self._linger()
        return finished

    async def _linger(self) -> None:
        """End our side, and wait until the app has read that and ends its own."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self._resume_transport_reading()
        if transport.can_write_eof():
            transport.write_eof()
            await asyncio.sleep(LINGER_S)  # cancelled when the connection is gone
        # Else it is TLS: closing that says so first, and reads on until the app has said so too.

    def hand_over(self) -> asyncio.Transport:
        """Give the connection away, to whom `set_protocol` is called for: it is no HTTP any more,
        and nothing that this protocol does from here on touches it. It keeps its seat while the
        request is served that it was given away for. Raises ConnectionError where the app has gone.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionError("the app has gone")
        transport.pause_reading()
        self.transport = None
        self._close = True  # no further request is waited for
        self._unfinished.forget()
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
        if isinstance(exc, _Over):
            return self._end(request, None)
        refused = exc if isinstance(exc, Refused) else named(exc, self._server.limits)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if refused is not None:
            return self.refuse(request, refused)
        self._server.hear(Bug("the data port", exc or TimeoutError(message or "")), None)
        return self._end(request, Refused(500, "Understudy failed at this; its log says why"))


def _face(request: BaseRequest) -> Face:
    """By which way a request came, on a connection that is inside of nothing."""
    if request.method == "CONNECT":
        return Face.HTTPS_PROXY
    return Face.BASE_URL if request.raw_path.startswith(("/", "*")) else Face.HTTP_PROXY
