"""CONNECT, and connections that were redirected here: intercepted, or carried without a look.

CONNECT host:port
  the host of an upstream   200, and the requests inside are served: see `opening`
  a stranger that may be    dialled, 200, and both sides joined
  anybody else              403, and the connection ends: what follows is never read as a request
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp.web import BaseRequest

from proxy.capture.connection.server import protocol_of
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.capture.tunnels.opening import Opening
from proxy.capture.tunnels.pulses import Pulses
from proxy.capture.tunnels.reach import Reach
from proxy.capture.tunnels.secure import Antechamber
from proxy.capture.tunnels.tunnel import join
from proxy.capture.tunnels.waiting import Waiting
from proxy.core.call import Face
from proxy.core.clock import Clock
from proxy.core.event import Tunnelled, TurnedAway
from proxy.core.journal import Hear
from proxy.core.reply import STOPPING

_PLAIN_PORT = 80
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Ways:
    """Connections that are not one request after the other from their beginning."""

    def __init__(
        self, reach: Reach, opening: Opening, pulses: Pulses, clock: Clock, hear: Hear
    ) -> None:
        self._reach = reach
        self._opening = opening
        self._pulses = pulses
        self._clock = clock
        self._hear = hear

    async def connect(self, request: BaseRequest) -> None:
        """Serve a CONNECT, to its end where it is carried blind. Raises Refused before the 200, and
        ConnectionError where the app has gone by then."""
        inside = self._reach.asked(request)
        protocol = protocol_of(request)
        if self._reach.serves(inside):
            if inside.port != _PLAIN_PORT:  # while there is an answer in which to say what lacks
                await self._opening.context(inside.host)
            app = protocol.hand_over()
            app.set_protocol(chamber := Antechamber())
            chamber.came = protocol.early()
            app.write(_ESTABLISHED)
            await self._open(app, chamber, inside)
            return
        far = await self._reach.connection(inside)
        try:
            app = protocol.hand_over()
        except ConnectionError:
            far.abort()
            raise
        app.write(_ESTABLISHED)
        await self._join(app, protocol.early, far, inside)

    def serves(self, inside: Inside) -> bool:
        """Whether a redirected connection is ours to intercept."""
        return self._reach.serves(inside)

    async def intercept(self, transport: asyncio.Transport, early: bytes, inside: Inside) -> None:
        """Serve the requests of a redirected connection: it is paused, `early` came already, and
        no protocol uses it any more. Closes it where that cannot be."""
        transport.set_protocol(chamber := Antechamber())
        chamber.came = early
        await self._open(transport, chamber, inside)

    async def carry(
        self, transport: asyncio.Transport, early: bytes, host: str, port: int, face: Face
    ) -> None:
        """Join a redirected connection, paused as for `intercept`, with where it was going."""
        try:
            far = await self._reach.redirected(host, port)
        except Refused as refused:  # there is no HTTP in which it could be told
            transport.abort()
            self._hear(TurnedAway(face, refused.status, refused.reason, refused.message), None)
            return
        except BaseException:
            transport.abort()
            raise
        await self._join(transport, lambda: early, far, Inside(host, port, True, face))

    def end_quiet(self) -> None:
        """End tunnels in which nothing moves, and those in which no word was said yet."""
        self._pulses.end_quiet()

    async def _open(self, app: asyncio.Transport, chamber: Antechamber, inside: Inside) -> None:
        app.resume_reading()
        await self._opening.open(app, chamber, inside)

    async def _join(
        self,
        app: asyncio.Transport,
        early: Callable[[], bytes],
        far: asyncio.Transport,
        inside: Inside,
    ) -> None:
        """Carry everything, and tell of it however it ends."""
        clock, waiting = self._clock, cast(Waiting, far.get_protocol())
        error: str | None = STOPPING
        with self._pulses.one() as pulse:
            began = pulse.moved_at
            try:
                error = (await join(app, early(), far, waiting.early, clock, pulse=pulse)).error
            finally:
                up, down, took_s = pulse.up_bytes, pulse.down_bytes, clock.now() - began
                told = Tunnelled(inside.authority, inside.face, up, down, took_s, error or "")
                self._hear(told, None)
