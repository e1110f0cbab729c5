"""The beginning of what is intercepted: what does the app speak, and with whom does it want to?

what comes first   a ClientHello for this server    our certificate, then requests
                   a ClientHello for another one    an alert
                   anything else                    requests, in plain HTTP
"""

import asyncio
import ssl

from proxy.capture.connection.server import Server
from proxy.capture.refused import Refused
from proxy.capture.tunnels.certificates import Certificates
from proxy.capture.tunnels.hello import Hello, Tls
from proxy.capture.tunnels.inside import Inside
from proxy.capture.tunnels.pinning import Pinning
from proxy.capture.tunnels.pulses import Pulses
from proxy.capture.tunnels.secure import UNRECOGNIZED_NAME, Antechamber, Distrusted, secure
from proxy.core.event import TurnedAway
from proxy.core.journal import Hear
from proxy.engine.serve import Engine
from proxy.trust.error import NotTrustworthy

FIRST_BYTE_S = 10.0
"""How long an app may take to begin to speak inside a tunnel."""

_HANDSHAKE = 0x16  # RFC 8446 5.1: the first byte of a ClientHello's record


class Opening:
    """Has the requests inside a tunnel served by the server that every request goes to."""

    def __init__(
        self,
        engine: Engine,
        server: Server,
        certificates: Certificates,
        pinning: Pinning,
        pulses: Pulses,
        hear: Hear,
    ) -> None:
        self._engine = engine
        self._server = server
        self._certificates = certificates
        self._pinning = pinning
        self._pulses = pulses
        self._hear = hear

    async def context(self, host: str) -> ssl.SSLContext:
        """To answer as `host`. Raises Refused where there is no certificate for it."""
        try:
            return await self._certificates.context(host)
        except NotTrustworthy as error:
            told = f"no certificate for {host} can be made: {error}"
            raise Refused(503, told, "no_ca") from error

    async def open(self, app: asyncio.Transport, chamber: Antechamber, inside: Inside) -> None:
        """Serve what comes on `app`, whose protocol `chamber` is. Ends it where that cannot be."""
        try:
            async with asyncio.timeout(FIRST_BYTE_S):
                with self._pulses.one():
                    asked = await _asked(chamber)
            if asked is None:
                self._serve(app, chamber, inside._replace(secure=False))
                return
            if asked.name not in (None, inside.host):
                app.write(UNRECOGNIZED_NAME)
                app.close()
                text = f"a client in the tunnel to {inside.authority} asks for {asked.name}"
                self._tell(inside, Refused(421, text, "misdirected"))
                return
            app.pause_reading()
            context = await self.context(inside.host)
            inner, chamber = await secure(app, chamber.came, context)
        except Refused as refused:
            app.abort()
            self._tell(inside, refused)
        except Distrusted as word:
            self._pinning.refused(inside.host, str(word), self._tunnels)
        except OSError as error:  # TimeoutError, ConnectionError and ssl.SSLError are such
            app.abort()
            self._tell(inside, Refused(400, _told(error, inside), "no_tls"))
        except BaseException:
            app.abort()
            raise
        else:
            self._serve(inner, chamber, inside)

    def asked(self, inside: Inside) -> None:
        """A request came on a connection inside a tunnel."""
        if inside.secure:
            self._pinning.trusted(inside.host)

    @property
    def _tunnels(self) -> bool:
        """Whether a host is carried unread once a client has refused our certificate for it."""
        return self._engine.program.snapshot.on_pinning == "tunnel"

    def _serve(self, transport: asyncio.Transport, chamber: Antechamber, inside: Inside) -> None:
        """Give the connection to the server, with what came so far."""
        if transport.is_closing():
            return  # nobody would tell a new protocol
        protocol = self._server(inside, self._ended)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if chamber.came:
            protocol.data_received(chamber.came)
        if chamber.gone:
            transport.close()

    def _ended(self, inside: Inside, asked: bool) -> None:
        """A connection inside a tunnel has ended; `asked`: there was a request on it."""
        if inside.secure and not asked:
            self._pinning.silent(inside.host, self._tunnels)

    def _tell(self, inside: Inside, refused: Refused) -> None:
        """Who has no HTTP yet in which he could be told."""
        told = TurnedAway(inside.face, refused.status, refused.reason, refused.message)
        self._hear(told, None)


async def _asked(chamber: Antechamber) -> Tls | None:
    """The ClientHello that an app begins with, all of it; None where it speaks no TLS. Raises
    ConnectionError where it leaves before, and for what only begins like one."""
    hello = Hello()
    if (await chamber.beyond(0))[0] != _HANDSHAKE:
        return None
    while (verdict := hello.feed(await chamber.beyond(len(hello.data)))) is None:
        continue
    if not isinstance(verdict, Tls):
        raise ConnectionError("what came is no ClientHello")
    return verdict


def _told(error: OSError, inside: Inside) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {inside.authority} within {FIRST_BYTE_S:g} s"
    if isinstance(error, ssl.SSLError):
        return f"no TLS for {inside.authority}: {(error.reason or 'broken').lower()}"
    return f"no request for {inside.authority}: {error}"
