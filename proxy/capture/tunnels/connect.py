"""CONNECT, and connections that were redirected here: intercepted, or carried without a look.

CONNECT host:port
  the host of an upstream   200, then what comes first:  TLS       our certificate, then requests
                                                         else      requests, in plain HTTP
  a stranger that may be    dialled, 200, and both sides joined
  anybody else              403, and the connection ends: what follows is never read as a request
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from aiohttp.web import BaseRequest

from proxy.capture.authority import is_this_machine, read_authority, shown
from proxy.capture.connection.protocol import Protocol
from proxy.capture.connection.server import Server, protocol_of
from proxy.capture.refused import Refused
from proxy.capture.tunnels.certificates import Certificates
from proxy.capture.tunnels.hello import Hello, Tls
from proxy.capture.tunnels.inside import Inside
from proxy.capture.tunnels.pinning import Pinning
from proxy.capture.tunnels.secure import UNRECOGNIZED_NAME, Antechamber, Distrusted, secure
from proxy.capture.tunnels.tunnel import Pulse, Waiting, join
from proxy.core.call import Face
from proxy.core.clock import Clock
from proxy.core.event import Tunnelled, TurnedAway
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.core.reply import STOPPING
from proxy.engine.serve import Engine
from proxy.policy.passage import Passage
from proxy.policy.snapshot import Snapshot
from proxy.trust.authority import NotTrustworthy
from proxy.upstream.dial import Dialler

FIRST_BYTE_S = 10.0
"""How long an app may take to begin to speak inside a tunnel."""

QUIET_S = 1.0
"""A tunnel that brought nothing for so long need not be waited for when the proxy stops."""

_PLAIN_PORT = 80
_HANDSHAKE = 0x16  # RFC 8446 5.1: the first byte of a ClientHello's record
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Ways:
    """Connections that are not one request after the other from their beginning."""

    def __init__(
        self,
        engine: Engine,
        server: Server,
        certificates: Certificates,
        dialler: Dialler,
        clock: Clock,
        hear: Hear,
    ) -> None:
        self._engine = engine
        self._server = server
        self._certificates = certificates
        self._dialler = dialler
        self._clock = clock
        self._hear = hear
        self._pinning = Pinning(hear)
        self._pulses: dict[asyncio.Task[object], Pulse] = {}
        self.own_ports: Mapping[int, str] = {}
        self.loopback = True

    @property
    def _snapshot(self) -> Snapshot:
        return self._engine.program.snapshot

    async def connect(self, request: BaseRequest) -> None:
        """Serve a CONNECT, to its end where it is carried blind. Raises Refused before the 200, and
        ConnectionError where the app has gone by then."""
        host, port = self._destination(request)
        inside = Inside(host, port, True, Face.HTTPS_PROXY)
        if self.serves(inside):
            if port != _PLAIN_PORT:
                await self._context(host)  # while there is an answer in which to say that it lacks
            await self._open(protocol_of(request).hand_over(), b"", inside)
            return
        if not (self._is_usual(inside) if self._is_upstream(inside) else self._is_listed(port)):
            listed = ", ".join(map(str, sorted(self._snapshot.connect_ports)))
            raise Refused(
                403,
                f"no tunnel leads to port {port}; it may be {listed} (the policy's connect_ports)",
                "passthrough_denied",
            )
        far = await self._dial(host, port)
        protocol = protocol_of(request)
        try:
            app = protocol.hand_over()
        except ConnectionError:
            far.abort()
            raise
        app.write(_ESTABLISHED)
        await self._join(app, protocol.early, far, inside)

    def _destination(self, request: BaseRequest) -> tuple[str, int]:
        target = request.raw_path
        read = read_authority(target)
        if read is None or read.port is None:
            raise Refused(400, f"CONNECT goes to HOST:PORT, not to {shown(target)!r}")
        host, port = read.host, read.port
        if port in self.own_ports and is_this_machine(host):
            raise Refused(508, f"{target} is this proxy's own {self.own_ports[port]} port", "loop")
        return host, port

    def serves(self, inside: Inside) -> bool:
        """Whether requests for this server are ours to serve: it is an upstream's, at a port that
        is usual for it, and no client has refused our certificate for it where that matters."""
        return self._is_upstream(inside) and self._is_usual(inside) and not self._is_pinned(inside)

    def _is_upstream(self, inside: Inside) -> bool:
        return self._snapshot.upstream_for_host(inside.host, inside.port) is not None

    def _is_usual(self, inside: Inside) -> bool:
        """The port is one of those that tunnels lead to, or was written with the upstream's host;
        or it is that of plain HTTP, for which some clients ask for tunnels too."""
        snapshot, port = self._snapshot, inside.port
        if port == _PLAIN_PORT or port in snapshot.connect_ports:
            return True
        host = f"[{inside.host}]" if ":" in inside.host else inside.host
        return f"{host}:{port}" in snapshot.hosts

    def _is_listed(self, port: int) -> bool:
        return port in self._snapshot.connect_ports

    def _is_pinned(self, inside: Inside) -> bool:
        return self._snapshot.on_pinning == "tunnel" and self._pinning.is_refused(inside.host)

    async def _context(self, host: str) -> ssl.SSLContext:
        try:
            return await self._certificates.context(host)
        except NotTrustworthy as error:
            raise Refused(
                503, f"no certificate for {host} can be made: {error}", "no_ca"
            ) from error

    async def _dial(self, host: str, port: int) -> asyncio.Transport:
        """A connection to a stranger, or to an upstream's host that is carried blind."""
        snapshot = self._snapshot
        known = snapshot.upstream_for_host(host, port) is not None
        passage = Passage.of(snapshot.passthrough, self.loopback)
        if not known and not passage.admits(host):
            hosts = ", ".join(sorted(snapshot.hosts))
            raise Refused(
                403,
                f"{host} is the host of no upstream and {passage.why_not}; known: {hosts}",
                "passthrough_denied",
            )
        try:
            exempt = passage.exempts(host)
            return await self._dialler.dial(host, port, Waiting, exempt=exempt, upstream=known)
        except Failure as failure:
            late = failure.kind is FailureKind.TIMEOUT_CONNECT
            status = failure.status or (504 if late else 502)
            reason = "forbidden_address" if status == 403 else "unreachable"
            raise Refused(status, f"{host}:{port}: {failure.message}", reason) from failure

    async def intercept(self, transport: asyncio.Transport, early: bytes, inside: Inside) -> None:
        """Serve the requests of a redirected connection: it is paused, `early` came already, and
        no protocol uses it any more. Closes it where that cannot be."""
        await self._open(transport, early, inside)

    async def carry(
        self, transport: asyncio.Transport, early: bytes, host: str, port: int, face: Face
    ) -> None:
        """Join a redirected connection, paused as for `intercept`, with where it was going."""
        try:
            far = await self._dial(host, port)
        except Refused as refused:
            self._turn_away(transport, face, refused)
            return
        except BaseException:
            transport.abort()
            raise
        await self._join(transport, lambda: early, far, Inside(host, port, True, face))

    def _turn_away(self, transport: asyncio.Transport, face: Face, refused: Refused) -> None:
        """There is no HTTP yet in which it could be told."""
        transport.abort()
        self._hear(TurnedAway(face, refused.status, refused.reason, refused.message), None)

    async def _join(
        self,
        app: asyncio.Transport,
        early: Callable[[], bytes],
        far: asyncio.Transport,
        inside: Inside,
    ) -> None:
        clock = self._clock
        waiting = cast(Waiting, far.get_protocol())
        error: str | None = STOPPING
        with self._pulse() as pulse:
            began = pulse.moved_at
            try:
                error = (await join(app, early(), far, waiting.early, clock, pulse=pulse)).error
            finally:
                up, down, took_s = pulse.up_bytes, pulse.down_bytes, clock.now() - began
                told = Tunnelled(inside.authority, inside.face, up, down, took_s, error or "")
                self._hear(told, None)

    @contextmanager
    def _pulse(self) -> Iterator[Pulse]:
        """That of what is done within; a stop ends it where it has been quiet for a while."""
        task = asyncio.current_task()
        assert task is not None
        pulse = self._pulses[task] = Pulse(self._clock.now())
        try:
            yield pulse
        finally:
            del self._pulses[task]

    def end_quiet(self) -> None:
        """End what is carried blind and has brought nothing for a while, and tunnels in which no
        word was said yet: connections that apps keep for later, as a rule."""
        since = self._clock.now() - QUIET_S
        for task, pulse in tuple(self._pulses.items()):
            if pulse.moved_at < since:
                task.cancel()

    async def _open(self, app: asyncio.Transport, early: bytes, inside: Inside) -> None:
        """Say 200 where that was asked for, and have the requests served that follow."""
        chamber = Antechamber()
        previous = app.get_protocol()
        app.set_protocol(chamber)
        chamber.came = early
        if isinstance(previous, Protocol):
            app.write(_ESTABLISHED)
            chamber.came += previous.early()
        app.resume_reading()
        try:
            async with asyncio.timeout(FIRST_BYTE_S):
                with self._pulse():
                    asked = await _asked(chamber)
            if asked is None:
                self._serve(app, chamber, inside._replace(secure=False))
                return
            if asked.name not in (None, inside.host):
                app.write(UNRECOGNIZED_NAME)
                app.close()
                text = f"a client in the tunnel to {inside.authority} asks for {asked.name}"
                self._hear(TurnedAway(inside.face, 421, "misdirected", text), None)
                return
            app.pause_reading()
            context = await self._context(inside.host)
            inner, chamber = await secure(app, chamber.came, context)
        except Refused as refused:
            self._turn_away(app, inside.face, refused)
            return
        except Distrusted as word:
            tunnel = self._snapshot.on_pinning == "tunnel"
            self._pinning.refused(inside.host, str(word), tunnel)
            return
        except OSError as error:  # TimeoutError, ConnectionError and ssl.SSLError are such
            app.abort()
            self._hear(TurnedAway(inside.face, 400, "no_tls", _told(error, inside)), None)
            return
        except BaseException:
            app.abort()
            raise
        self._serve(inner, chamber, inside)

    def _serve(self, transport: asyncio.Transport, chamber: Antechamber, inside: Inside) -> None:
        """Give the connection to the server that every request goes to, with what came so far."""
        protocol = self._server(inside, self._ended)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if chamber.came:
            protocol.data_received(chamber.came)
        if chamber.gone:
            transport.close()

    def asked(self, inside: Inside) -> None:
        """A request came on a connection inside a tunnel."""
        if inside.secure:
            self._pinning.trusted(inside.host)

    def _ended(self, inside: Inside, asked: bool) -> None:
        """A connection inside a tunnel has ended; `asked`: there was a request on it."""
        if inside.secure:
            self._pinning.ended(inside.host, asked, self._snapshot.on_pinning == "tunnel")


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
