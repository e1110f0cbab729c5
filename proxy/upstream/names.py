"""Names of strangers, looked up in threads of their own and judged before anybody dials."""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import cast

from aiohttp.abc import AbstractResolver, ResolveResult

from proxy.upstream.address import AddressInfo, Rule

LOOKUPS = 32
"""At once. A server of names that is silent holds each up for some ten seconds; more of them than
this wait for their turn, and are given up when the time for a connection is."""

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
LookUp = Callable[[str, int], list[AddressInfo]]


def by_system(host: str, port: int) -> list[AddressInfo]:
    """Every address of `host`, as this machine's resolver has it. Blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [cast(AddressInfo, info) for info in found if info[0] in _FAMILIES]


def _written(host: str, port: int) -> list[AddressInfo] | None:
    """The address that `host` is; None of a name, which has to be looked up."""
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    if ip.version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


class Names:
    """Looks names up. The loop's own threads are left to the providers' names: whom an app is
    passed through to, and how long its name takes, is no matter of theirs."""

    def __init__(self, look_up: LookUp = by_system) -> None:
        self._look_up = look_up
        self._places = asyncio.Semaphore(LOOKUPS)

    async def addresses(self, host: str, port: int, rule: Rule | None) -> list[AddressInfo]:
        """Where `host` leads. Raises OSError; Forbidden when `rule` forbids any of the addresses.

        Not only those that it forbids are left out: a name that leads to public and private ones
        alike is how a stranger's page has the proxy fall over to a private one, and which of them
        is first must not decide what becomes of a request.
        """
        if rule is not None:
            host = rule.host(host)
        infos = _written(host, port)
        if infos is None:
            infos = await self._looked_up(host, port)
        if not infos:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if rule is not None:
            for info in infos:
                rule.address(info[4][0], host)
        return infos

    async def _looked_up(self, host: str, port: int) -> list[AddressInfo]:
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[AddressInfo]] = loop.create_future()

        def done(infos: list[AddressInfo], error: Exception | None) -> None:
            self._places.release()  # also of one that nobody waits for any more: it had a thread
            if found.done():
                return
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(infos)

        def look() -> None:
            infos: list[AddressInfo] = []
            error: Exception | None = None
            try:
                infos = self._look_up(host, port)
            except (OSError, UnicodeError) as caught:
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it who waited
                loop.call_soon_threadsafe(done, infos, error)

        try:
            threading.Thread(target=look, name="names", daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            raise OSError(errno.ENOBUFS, "no thread is left to look a name up") from error
        return await found


class GuardedResolver(AbstractResolver):
    """The same for aiohttp's connector. It asks for no address that is written as one: the socket
    that the rule makes is what looks at those."""

    def __init__(self, names: Names, rule: Rule) -> None:
        self._names = names
        self._rule = rule

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=address[1],
                family=info_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for info_family, _, protocol, _, address in await self._names.addresses(
                host, port, self._rule
            )
        ]

    async def close(self) -> None:
        """Nothing is held open."""
