"""Upgrades from HTTP to another protocol on the same connection (RFC 9110 7.8).

    app: GET, Upgrade: websocket ---> provider
         <--- 101 Switching Protocols ---        then both connections are joined, unread

WebSocket is the one that is passed on. What else is asked for (h2c) is passed over, as any server
may: the request is served as if nothing had been said of it.
"""

from collections.abc import Sequence

from aiohttp.web import BaseRequest

from proxy.capture.connection.server import protocol_of
from proxy.capture.tunnels.tunnel import Carried, Cut, join
from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import StreamBroke
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import End, Reply, Tap
from proxy.upstream.fields import CONNECTION, UPGRADE
from proxy.upstream.switched import Switched

WEBSOCKET = "websocket"

AFTER_END_S = 1.0
"""How long one side may be silent after the other has ended. WebSocket ends with frames that both
have sent by then (RFC 6455 7.1.1); who ended without has gone, and nobody has to hear more."""


def upgrade_of(request: BaseRequest) -> str:
    """The protocol that the app asks to go on with, if it is one that is passed on; else empty."""
    headers = request.headers
    if UPGRADE not in headers or request.method != "GET" or request.version < (1, 1):
        return ""
    named = ",".join(headers.getall(CONNECTION, ())).lower().split(",")
    asked = [value.strip().lower() for value in headers.getall(UPGRADE)]
    wanted = asked == [WEBSOCKET] and any(name.strip() == "upgrade" for name in named)
    return WEBSOCKET if wanted and request.content.is_eof() else ""


async def switch(
    request: BaseRequest, call: Call, reply: Reply, switched: Switched, head: bytes, clock: Clock
) -> End:
    """Send the `head` of a 101, join the app's connection with the provider's, and say how that
    ended. Raises ConnectionError where the app has gone before.

    The app's end without a word is an end like any other: an abnormal one is for it to explain.
    """
    protocol = protocol_of(request)
    far, far_early = switched.take_over()
    try:
        app = protocol.hand_over()
    except ConnectionError:
        far.abort()
        raise
    app.write(head)
    carried = await join(
        app,
        protocol.early(),
        far,
        far_early,
        clock,
        seen=_all(reply.taps),
        half_closed_s=AFTER_END_S,
    )
    return _end(call, reply, carried)


def _all(taps: Sequence[Tap]) -> Tap:
    def tap(chunk: bytes) -> None:
        for each in taps:
            each(chunk)

    return tap


def _end(call: Call, reply: Reply, carried: Carried) -> End:
    match carried.error:
        case None:
            return End.COMPLETE
        case Cut.APP:
            return End.ABANDONED
        case Cut.IDLE:
            return End.LOST
        case Cut.FAR:
            text = "it broke the connection that it had switched"
            reply.broke = Failure(FailureKind.BROKEN_STREAM, text, target=reply.target)
            call.journal.tell(StreamBroke(reply.target, reply.broke.kind, text))
            return End.BROKEN


def drop_tail(request: BaseRequest) -> None:
    """Forget what came behind a request whose upgrade was declined: nobody knows what it is."""
    protocol_of(request).early()
