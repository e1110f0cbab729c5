"""TLS with an app, on a connection that was something else before.

uvloop's `start_tls` loses what was read before it (MagicStack/uvloop#707): a ClientHello that came
together with CONNECT. So those bytes are fed by hand, just when TLS can take them:

    turn 1  start_tls sets its own protocol, and asks for a turn to begin the handshake
    turn 1  we ask for a turn behind it
    turn 2  the handshake begins; reading is resumed; the early bytes are fed; then the network is
"""

import asyncio
import ssl
from typing import cast

HANDSHAKE_S = 10.0
"""A handshake that takes longer is none."""

SHUTDOWN_S = 2.0
"""How long an app's end of TLS is waited for after ours: some just go."""

UNRECOGNIZED_NAME = bytes.fromhex("15 0303 0002 02 70")
"""The answer to a ClientHello for another server: a fatal alert (RFC 6066 3, RFC 8446 6)."""

_ALERTS = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE")
"""How clients say that they do not trust a certificate (RFC 8446 6.2), in OpenSSL's words."""


class Distrusted(Exception):
    """The client does not trust our certificate; the message is its own word for it."""


class Antechamber(asyncio.Protocol):
    """Keeps what comes on a connection until somebody is there for it."""

    def __init__(self) -> None:
        self.came = b""
        self.gone = False
        self._waiting: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.came += data
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._wake()

    def eof_received(self) -> None:
        self.gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def beyond(self, size: int) -> bytes:
        """What came behind the first `size` bytes, as soon as something did. Raises ConnectionError
        when nothing will."""
        while len(self.came) <= size:
            if self.gone:
                raise ConnectionError("the app has gone")
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self.came[size:]


async def secure(
    transport: asyncio.Transport, early: bytes, context: ssl.SSLContext
) -> tuple[asyncio.Transport, Antechamber]:
    """The inner side of TLS on `transport`, where we are the server, and who keeps what comes on
    it. `early` was read from it before; its protocol must not be in use any more.

    Raises Distrusted, and OSError (of which ssl.SSLError is one) where no TLS comes of it; the
    connection is closed then.
    """
    if transport.is_closing():  # who told its former protocol tells TLS nothing: it would wait
        raise ConnectionError("the app has gone")
    loop = asyncio.get_running_loop()
    chamber = Antechamber()
    starting = asyncio.ensure_future(
        loop.start_tls(
            transport,
            chamber,
            context,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )
    )
    if early:
        loop.call_soon(loop.call_soon, _feed, transport, early)
    try:
        inner = await starting
    except ssl.SSLError as error:
        transport.abort()
        if (error.reason or "").endswith(_ALERTS):
            raise Distrusted(_word(error)) from error
        raise
    except BaseException:
        transport.abort()
        raise
    if inner is None:
        raise ConnectionError("the app has gone")
    return inner, chamber


def _feed(transport: asyncio.Transport, early: bytes) -> None:
    """Hand `early` to the TLS that has just been set up on `transport`."""
    tls = cast(asyncio.BufferedProtocol, transport.get_protocol())
    while early and not transport.is_closing():
        buffer = memoryview(tls.get_buffer(len(early)))
        size = min(len(buffer), len(early))
        buffer[:size] = early[:size]
        tls.buffer_updated(size)
        early = early[size:]


def _word(error: ssl.SSLError) -> str:
    """`unknown ca` of TLSV1_ALERT_UNKNOWN_CA."""
    return (error.reason or "").partition("ALERT_")[2].replace("_", " ").lower()
