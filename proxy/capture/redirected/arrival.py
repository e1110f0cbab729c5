"""A redirected connection, until it has said whom it wants."""

import asyncio
from typing import Protocol, cast

from proxy.capture.redirected.destination import Destination
from proxy.capture.refused import Refused
from proxy.capture.tunnels.hello import Hello, Other, Verdict
from proxy.core.clock import Clock, Timer

HELLO_S = 10.0
"""How long a client may take to say whom it wants. Who says nothing at all waits for the server to
speak first, and is carried then; who has begun is too slow."""


class Port(Protocol):
    """Where connections arrive."""

    def arrived(self, arrival: "Arrival", transport: asyncio.Transport) -> Destination:
        """Where a new one was going. Raises Refused, and OSError where it has gone again."""
        ...

    def left(self, arrival: "Arrival") -> None:
        """It says hello no more."""
        ...

    def turn_away(self, transport: asyncio.Transport, refused: Refused) -> None: ...

    def go_on(
        self, transport: asyncio.Transport, hello: Hello, verdict: Verdict, going: Destination
    ) -> None:
        """It has said whom it wants. It is paused, and somebody else's from here on."""
        ...


class Arrival(asyncio.Protocol):
    """Listens to a new connection until it is known whom it wants; then it is somebody else's."""

    def __init__(self, port: Port, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self._hello = Hello()
        self._timer: Timer | None = None
        self._transport: asyncio.Transport | None = None
        self._going: Destination | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast(asyncio.Transport, transport)
        try:
            self._going = self._port.arrived(self, connection)
        except Refused as refused:
            self._port.turn_away(connection, refused)
        except OSError:  # it has gone again
            connection.abort()
        else:
            self._transport = connection
            self._timer = self._clock.call_later(HELLO_S, self._late)

    def data_received(self, data: bytes) -> None:
        verdict = self._hello.feed(data)
        if verdict is not None:
            self._over(verdict)

    def eof_received(self) -> None:
        """It ended before it had said enough, and nobody is told: asyncio closes it."""

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()

    def hang_up(self) -> None:
        if (transport := self._leave()) is not None:
            transport.abort()

    def _late(self) -> None:
        self._timer = None
        if not self._hello.data:
            self._over(Other())
        elif (transport := self._leave()) is not None:
            slow = f"a redirected connection did not say whom it wants within {HELLO_S:g} s"
            self._port.turn_away(transport, Refused(408, slow, "too_slow"))

    def _over(self, verdict: Verdict) -> None:
        going, transport = self._going, self._leave()
        if going is not None and transport is not None:
            transport.pause_reading()
            self._port.go_on(transport, self._hello, verdict, going)

    def _leave(self) -> asyncio.Transport | None:
        """The connection, the first time: from then on this does nothing with it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport, self._transport = self._transport, None
        if transport is not None:
            self._port.left(self)
        return transport
