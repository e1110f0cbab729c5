"""The parts that live as long as the process: made here, once, and handed to what is compiled."""

from collections.abc import Mapping

from aiohttp.abc import AbstractResolver

from proxy.cache.memory import MemoryStore
from proxy.core.clock import Clock, Dice
from proxy.core.handler import Handler
from proxy.core.journal import Hear
from proxy.dialects.dialect import Dialect
from proxy.embeddings.handler import Encode
from proxy.embeddings.model import LocalModel
from proxy.engine.parts import Parts
from proxy.policy.schema import Backend
from proxy.policy.snapshot import Snapshot, Upstream
from proxy.resilience.standing.prober import Prober
from proxy.resilience.standing.state import Standings
from proxy.upstream.address import LENIENT, STRICT, Rule
from proxy.upstream.dial import Dialler
from proxy.upstream.handler import Send
from proxy.upstream.names import GuardedResolver, Names
from proxy.upstream.origin import Origin
from proxy.upstream.passthrough import Passthrough
from proxy.upstream.pool import Pool
from proxy.upstream.probe import Probe
from proxy.upstream.tls import Contexts
from proxy.upstream.via import Signature


class Living:
    """Connections, the local model, standings, who probes, and the cache. Made inside the event
    loop."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        dice: Dice,
        hear: Hear,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`resolver` says where providers' names lead; by default, the system does."""
        self.model = LocalModel(backend, clock, hear)
        self.via = Signature.of(dice)
        self._names, self._contexts = Names(), Contexts()
        self.dialler = Dialler(self._names, clock)
        self._providers = Pool(resolver)
        self._strangers, self._listed = self._guarded(STRICT), self._guarded(LENIENT)
        self.parts = Parts(
            clock=clock,
            dice=dice,
            hear=hear,
            standings=Standings(clock, hear),
            store=MemoryStore(clock),
            send=self._send,
            local=self._local,
            passthrough=Passthrough(STRICT, self._strangers, clock, dice, self.via),
            listed=Passthrough(LENIENT, self._listed, clock, dice, self.via),
            prepare=self._prepare,
        )
        probe = Probe(self._send, clock)
        self.prober = Prober(clock, dice, self.parts.standings, probe, hear)

    def _send(self, upstream: Upstream, origins: Mapping[str, Origin], dialect: Dialect) -> Handler:
        origin = origins[upstream.name]
        context = self._contexts.of(upstream.tls) if origin.scheme == "https" else None
        door = self._providers.door(origin, upstream.name, upstream.timeout.connect, context)
        return Send(upstream, origin, origins, dialect, self._providers, door, self.via)

    def _prepare(self, snapshot: Snapshot) -> None:
        self._contexts.prepare(
            upstream.tls
            for upstream in snapshot.upstreams.values()
            if upstream.url.startswith("https:")
        )

    def _guarded(self, rule: Rule) -> Pool:
        return Pool(GuardedResolver(self._names, rule), rule)

    def _local(self, dialect: Dialect) -> Handler:
        return Encode(self.model, dialect)

    async def close(self) -> None:
        await self.prober.close()
        await self._providers.close()
        await self._strangers.close()
        await self._listed.close()
        await self.model.close()
