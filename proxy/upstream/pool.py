"""The connections to providers, kept and reused, one pool a process.

It stands on aiohttp's connector and HTTP protocol and leaves out its ClientSession: redirects,
cookies, netrc, automatic headers and silent repeats are none of a proxy's business, cost half of
the CPU of a relayed request, and hide whether a connection was fresh.
"""

import asyncio
import ssl
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from yarl import URL

from proxy.upstream.address import Rule
from proxy.upstream.errors import on_connect
from proxy.upstream.origin import Origin

CONNECTIONS = 4096
"""At most open at once. Above any sidecar's load; under it a leak shows before the machine does."""

KEEPALIVE_S = 15.0
"""An idle connection is kept so long: shorter than providers and their load balancers keep theirs
(60 s and more), so that we seldom write into one that is being closed."""

DNS_CACHE_S = 30
"""A name is looked up again after this: providers move by DNS."""


class _Destination(ClientRequest):
    """A request that is never sent: the connector asks it where to. It is always the same place,
    so the key by which connections are pooled is worked out once."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        return super().connection_key


@dataclass(frozen=True, slots=True)
class Door:
    """What the connector wants to know of an origin, and under which name its failures go."""

    target: str
    request: ClientRequest
    timeout: aiohttp.ClientTimeout


class Pool:
    """Gives out connections. `close` at the end."""

    def __init__(self, resolver: AbstractResolver | None = None, rule: Rule | None = None) -> None:
        """Names are the system's to look up, unless a `resolver` is; addresses that `rule` forbids
        are never dialled."""
        self._connector = aiohttp.TCPConnector(
            limit=CONNECTIONS,
            limit_per_host=0,
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=DNS_CACHE_S,
            use_dns_cache=resolver is None,
            resolver=resolver,
            socket_factory=rule.socket if rule is not None else None,
        )
        self._used: WeakSet[ResponseHandler] = WeakSet()

    def door(
        self, origin: Origin, target: str, connect_s: float, context: ssl.SSLContext | None = None
    ) -> Door:
        """The way to `origin`, good for any number of connections. One to https has a `context`;
        connections are shared only by doors that have the same."""
        secure: ssl.SSLContext | bool = context if context is not None else True
        loop = asyncio.get_running_loop()
        request = _Destination("GET", URL(origin.url), loop=loop, ssl=secure)
        timeout = aiohttp.ClientTimeout(total=None, connect=connect_s, ceil_threshold=1e9)
        return Door(target, request, timeout)

    async def connect(self, door: Door) -> tuple[Connection, ResponseHandler, bool]:
        """A connection, its protocol, and whether it served before.

        Raises Failure(timeout.connect | network) when its time is up or when there is none.
        """
        try:
            connection = await self._connector.connect(door.request, [], door.timeout)
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise on_connect(error, door.target) from error
        protocol = connection.protocol
        assert protocol is not None  # of a connection that was just handed out
        reused = protocol in self._used
        if not reused:
            self._used.add(protocol)
        return connection, protocol, reused

    async def close(self) -> None:
        await self._connector.close()
