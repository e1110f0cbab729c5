"""The transparent port (Linux): connections that a firewall's rule redirected here.

accept -> where was it going? -> what comes first: whom does it want?
             |                        |- an upstream: intercepted, like the inside of a CONNECT
             |                        '- anybody else, or nobody: carried unread to where it went
             '- nowhere but here: hung up on

What a client says of whom it wants decides whether we answer, and never where its bytes are sent.
"""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol as Shape

from proxy.capture.authority import is_this_machine
from proxy.capture.redirected.arrival import Arrival
from proxy.capture.redirected.destination import (
    Destination,
    NotRedirected,
    Socket,
    original_destination,
)
from proxy.capture.refused import Refused
from proxy.capture.tunnels.hello import Hello, Plain, Tls, Verdict
from proxy.capture.tunnels.inside import Inside
from proxy.core.call import Face
from proxy.core.clock import Clock
from proxy.core.event import Bug, TurnedAway
from proxy.core.journal import Hear

_BACKLOG = 1024
_NO_IPV6 = frozenset((errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL))
_MARK_BYTES = 64
"""Of a TLS hello: 32 random bytes are among them (RFC 8446 4.1.2), so no two begin alike."""


class NotHere(Exception):
    """This system redirects no connections; the message says what to do."""


class Ways(Shape):
    """What is done with a connection once it is known whom it wants. The transport comes paused,
    `early` was read from it, and nobody uses its protocol any more."""

    def serves(self, inside: Inside) -> bool:
        """Whether such a connection is ours to intercept."""
        ...

    async def intercept(
        self, transport: asyncio.Transport, early: bytes, inside: Inside
    ) -> None: ...

    async def carry(
        self, transport: asyncio.Transport, early: bytes, host: str, port: int, face: Face
    ) -> None: ...


Where = Callable[[Socket], Destination]
"""Tells where a connection was going, as `original_destination` does."""


class Redirected:
    """Serves the transparent port. `open`, `know_own_ports`, then `drain`.

    `connections` is how many may say hello or be carried at once; those that are intercepted
    count where their requests are served.
    """

    def __init__(
        self,
        ways: Ways,
        clock: Clock,
        hear: Hear,
        connections: int,
        where: Where = original_destination,
    ) -> None:
        self._ways = ways
        self._clock = clock
        self._hear = hear
        self._connections = connections
        self._where = where
        self._own_ports: Mapping[int, str] = {}
        self._servers: list[asyncio.Server] = []
        self._arrivals: set[Arrival] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._carried: set[tuple[Destination, bytes]] = set()

    async def open(self, port: int) -> int:
        """Listen on loopback, where the rules redirect to, for both IP versions where there are
        two; the port in use, also when 0 asked for a free one. Raises OSError, and NotHere where
        this is not Linux."""
        if sys.platform != "linux":
            raise NotHere(
                f"--transparent works on Linux only, and this is {sys.platform}: let the "
                "application use HTTPS_PROXY, as `understudy run` sets it"
            )
        port = await self._listen(socket.AF_INET, "127.0.0.1", port)
        try:
            await self._listen(socket.AF_INET6, "::1", port)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                self._close()
                raise
        return port

    async def _listen(self, family: socket.AddressFamily, host: str, port: int) -> int:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_server(lambda: Arrival(self, self._clock), sock=listening)
        )
        return int(listening.getsockname()[1])

    def know_own_ports(self, ports: Mapping[int, str]) -> None:
        """Tell it what this process listens on, so that nobody is sent round in a circle."""
        self._own_ports = ports

    def arrived(self, arrival: Arrival, transport: asyncio.Transport) -> Destination:
        """Where a new connection was going. Raises Refused, and OSError where it has gone."""
        if len(self._arrivals) + len(self._running) >= self._connections:
            raise Refused(503, "too many redirected connections at once", "too_many")
        try:
            destination = self._where(transport.get_extra_info("socket"))
        except NotRedirected as error:
            raise Refused(
                421,
                "a connection to the transparent port was not redirected there by a firewall's "
                "rule; applications call the --listen port",
                "not_redirected",
            ) from error
        own = self._own_ports.get(destination.port)
        client = transport.get_extra_info("peername") or ("",)  # who has gone has none
        if own and (is_this_machine(destination.host) or client[0] == destination.host):
            raise Refused(508, f"{destination} is this proxy's own {own} port", "loop")
        self._arrivals.add(arrival)
        return destination

    def left(self, arrival: Arrival) -> None:
        """It says hello no more."""
        self._arrivals.discard(arrival)

    def turn_away(self, transport: asyncio.Transport, refused: Refused) -> None:
        """Hang up: there is no language yet in which the client could be told."""
        transport.abort()
        word = TurnedAway(Face.TRANSPARENT, refused.status, refused.reason, refused.message)
        self._hear(word, None)

    def go_on(
        self, transport: asyncio.Transport, hello: Hello, verdict: Verdict, going: Destination
    ) -> None:
        """Serve a connection that has said whom it wants. It is paused."""
        inside = _inside(verdict, going)
        if inside is not None and self._ways.serves(inside):
            self._run(self._ways.intercept(transport, hello.data, inside))
            return
        mark = (going, hello.data[:_MARK_BYTES])
        if mark in self._carried:
            refused = Refused(
                508,
                f"what this proxy itself sends to {going} is redirected to it: the firewall's rule "
                "must leave out the user that it runs as",
                "loop",
            )
            self.turn_away(transport, refused)
            return
        if isinstance(verdict, Tls):
            self._carried.add(mark)
        self._run(self._carry(transport, hello.data, going, mark))

    async def _carry(
        self,
        transport: asyncio.Transport,
        early: bytes,
        going: Destination,
        mark: tuple[Destination, bytes],
    ) -> None:
        try:
            await self._ways.carry(transport, early, going.host, going.port, Face.TRANSPARENT)
        finally:
            self._carried.discard(mark)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._hear(Bug("the transparent port", error), None)

    def end_running(self) -> None:
        """Cut what runs; a drain has nothing to wait for then."""
        for arrival in tuple(self._arrivals):
            arrival.hang_up()
        for task in tuple(self._running):
            task.cancel()

    async def drain(self, wait_s: float) -> None:
        """Stop accepting, let what is carried end by itself for `wait_s`, cut the rest."""
        self._close()
        for arrival in tuple(self._arrivals):
            arrival.hang_up()
        if self._running:
            await asyncio.wait(self._running, timeout=wait_s)
        self.end_running()
        if self._running:
            await asyncio.wait(self._running)

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()


def _inside(verdict: Verdict, going: Destination) -> Inside | None:
    """What a connection is for that says whom it wants."""
    match verdict:
        case Tls(str(name)):
            return Inside(name, going.port, True, Face.TRANSPARENT)
        case Plain(str(host)):
            return Inside(host, going.port, False, Face.TRANSPARENT)
    return None
