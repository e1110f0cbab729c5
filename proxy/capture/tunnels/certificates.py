"""The local CA as the data port uses it: opened when it is first wanted, wider after a reload."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.core.event import Event
from proxy.core.journal import Hear, Journal

if TYPE_CHECKING:  # cryptography takes 8 MiB, which is for those who are intercepted
    from proxy.trust.authority import Authority


class Certificates:
    """Server contexts with a certificate of the local CA, which is made at the first one.

    Files and signatures are work for a thread. A host that has its context costs a look.
    """

    def __init__(
        self,
        folder: Path,
        hosts: Callable[[], Iterable[str]],
        environ: Mapping[str, str],
        hear: Hear,
    ) -> None:
        """`hosts` tells those of all upstreams, as they are now."""
        self._folder = folder
        self._hosts = hosts
        self._environ = environ
        self._hear = hear
        self._authority: Authority | None = None
        self._covered: frozenset[str] = frozenset()
        self._lock = asyncio.Lock()

    async def cover(self) -> None:
        """Stand for the hosts as they are now, if the CA is in use. Raises NotTrustworthy where
        that cannot be."""
        async with self._lock:
            if self._authority is not None:
                await self._open()

    async def context(self, host: str) -> ssl.SSLContext:
        """To answer as `host`. Raises NotTrustworthy where the CA cannot be made or used."""
        authority = self._authority
        if authority is not None and (context := authority.context_at_hand(host)) is not None:
            return context
        async with self._lock:
            authority = await self._open()
            return await asyncio.to_thread(authority.context, host)

    async def _open(self) -> "Authority":
        hosts = frozenset(self._hosts())
        if self._authority is None:
            hear = self._from_a_thread()
            self._authority = await asyncio.to_thread(_opened, self._folder, hosts, hear)
        elif hosts != self._covered:
            await asyncio.to_thread(self._widen, self._authority, hosts)
        self._covered = hosts
        return self._authority

    def _widen(self, authority: "Authority", hosts: frozenset[str]) -> None:
        from proxy.trust.roots import renew_bundle

        authority.cover(hosts)
        renew_bundle(self._folder, authority, self._environ)

    def _from_a_thread(self) -> Hear:
        loop = asyncio.get_running_loop()

        def hear(event: Event, journal: Journal | None) -> None:
            loop.call_soon_threadsafe(self._hear, event, journal)

        return hear


def _opened(folder: Path, hosts: frozenset[str], hear: Hear) -> "Authority":
    from proxy.trust.authority import Authority

    return Authority.open(folder, hosts, hear)
