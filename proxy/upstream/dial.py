"""Dials for tunnels: a connection to where an app wants to go, and nothing said on it yet."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohappyeyeballs

from proxy.core.clock import Clock, TimeLimit
from proxy.upstream.address import LENIENT, STRICT, Rule
from proxy.upstream.errors import on_connect
from proxy.upstream.names import Names

CONNECT_S = 10.0
"""Until a connection stands, its name looked up."""

NEXT_S = 0.25
"""An address that is silent for so long gets company of the next one (RFC 8305 5)."""


@dataclass(frozen=True, slots=True)
class Dialler:
    """Connects to hosts for tunnels. No TLS: who tunnels does that with whom it reaches."""

    names: Names
    clock: Clock

    async def dial(
        self,
        host: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        *,
        exempt: bool,
        upstream: bool = False,
    ) -> asyncio.Transport:
        """A connection to `host`, a name or an address, with a protocol of `factory`. It is paused;
        a server that speaks first may have been quicker, and the protocol has what it said.

        Every address is judged before each attempt at it: a host of an `upstream` may be anywhere,
        one that the policy means (`exempt`) may be private, any other is a stranger's.
        Raises Failure(bad_request with status 403 | timeout.connect | network | limit).
        """
        rule = None if upstream else LENIENT if exempt else STRICT
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            async with TimeLimit(self.clock, CONNECT_S):
                return await self._dial(host.strip("[]"), port, factory, rule)
        except (OSError, UnicodeError) as error:  # TimeoutError and Forbidden are OSErrors
            raise on_connect(error, target) from error

    async def _dial(
        self, host: str, port: int, factory: Callable[[], asyncio.Protocol], rule: Rule | None
    ) -> asyncio.Transport:
        infos = await self.names.addresses(host, port, rule)
        dialled = await aiohappyeyeballs.start_connection(
            infos,
            happy_eyeballs_delay=NEXT_S,
            socket_factory=rule.socket if rule is not None else None,
        )
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(factory, sock=dialled)
        except BaseException:
            dialled.close()
            raise
        transport.pause_reading()
        return transport
