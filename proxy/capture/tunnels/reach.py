"""Where tunnels lead: whom they may be for, and the connection to those who are carried unread."""

import asyncio
from collections.abc import Mapping

from aiohttp.web import BaseRequest

from proxy.capture.authority import is_this_machine, read_authority, shown
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.capture.tunnels.pinning import Pinning
from proxy.capture.tunnels.waiting import Waiting
from proxy.core.call import Face
from proxy.core.failure import Failure, FailureKind
from proxy.engine.serve import Engine
from proxy.policy.passage import Passage
from proxy.policy.snapshot import Snapshot
from proxy.upstream.dial import Dialler

_DENIED = "passthrough_denied"


class Reach:
    """Judges by the policy in force, and dials. `own_ports` are this process's, with what listens
    there; `loopback` says that nobody else can reach them."""

    def __init__(self, engine: Engine, dialler: Dialler, pinning: Pinning) -> None:
        self._engine = engine
        self._dialler = dialler
        self._pinning = pinning
        self.own_ports: Mapping[int, str] = {}
        self.loopback = True

    @property
    def _snapshot(self) -> Snapshot:
        return self._engine.program.snapshot

    @property
    def _passage(self) -> Passage:
        return Passage.of(self._snapshot.passthrough, self.loopback)

    def asked(self, request: BaseRequest) -> Inside:
        """What a CONNECT asks for. Raises Refused where that is no place to go, or our own."""
        target = request.raw_path
        read = read_authority(target)
        if read is None or read.port is None:
            raise Refused(400, f"CONNECT goes to HOST:PORT, not to {shown(target)!r}")
        if read.port in self.own_ports and is_this_machine(read.host):
            own = self.own_ports[read.port]
            raise Refused(508, f"{target} is this proxy's own {own} port", "loop")
        return Inside(read.host, read.port, True, Face.HTTPS_PROXY)

    def serves(self, inside: Inside) -> bool:
        """Whether requests for this server are ours to serve: it is an upstream's, and no client
        has refused our certificate for it where that matters."""
        snapshot, host = self._snapshot, inside.host
        pinned = snapshot.on_pinning == "tunnel" and self._pinning.is_refused(host)
        return snapshot.intercepts(host, inside.port) and not pinned

    async def connection(self, inside: Inside) -> asyncio.Transport:
        """One to whom a CONNECT asks for, with `Waiting` as its protocol. Raises Refused."""
        snapshot, port = self._snapshot, inside.port
        listed = port in snapshot.connect_ports or self._passage.lists(inside.host, port)
        if not listed and not snapshot.intercepts(inside.host, port):
            ports = ", ".join(map(str, sorted(snapshot.connect_ports)))
            raise Refused(
                403,
                f"no tunnel leads to port {port}; it may be {ports} (the policy's connect_ports)",
                _DENIED,
            )
        return await self.redirected(inside.host, port)

    async def redirected(self, host: str, port: int) -> asyncio.Transport:
        """One to where a connection was going that a firewall redirected: the same, to any port."""
        snapshot = self._snapshot
        known = snapshot.upstream_for_host(host, port) is not None
        passage = self._passage
        if not known and not passage.admits(host, port):
            hosts = ", ".join(sorted(snapshot.hosts))
            raise Refused(
                403,
                f"{host} is the host of no upstream and {passage.why_not}; known: {hosts}",
                _DENIED,
            )
        exempt = passage.exempts(host, port)
        try:
            return await self._dialler.dial(host, port, Waiting, exempt=exempt, upstream=known)
        except Failure as failure:
            late = failure.kind is FailureKind.TIMEOUT_CONNECT
            status = failure.status or (504 if late else 502)
            reason = "forbidden_address" if status == 403 else "unreachable"
            raise Refused(status, f"{host}:{port}: {failure.message}", reason) from failure
