"""An engine with nothing behind it, for tests of what surrounds it."""

from collections.abc import Mapping
from pathlib import Path

from proxy.cache.memory import MemoryStore
from proxy.core.event import Event
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.engine.compile import compile_program
from proxy.engine.parts import Parts
from proxy.engine.reload import Reloader, load_paths
from proxy.engine.serve import Engine
from proxy.policy.snapshot import Snapshot
from proxy.resilience.standing.state import Standings
from tests.clock import FalseClock, LoadedDice
from tests.resilience.parts import Told

POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com, breaker: {consecutive: 2}}
"""


class Stage:
    """An engine in force under the policies of `path`, and who keeps it up to date."""

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        self.clock = FalseClock()
        self.events: list[Event] = []
        self.applied: list[Snapshot] = []
        self.prepared: list[Snapshot] = []
        nobody: Handler = Told([])
        self.parts = Parts(
            clock=self.clock,
            dice=LoadedDice(),
            hear=self._hear,
            standings=Standings(self.clock, self._hear),
            store=MemoryStore(self.clock),
            send=lambda upstream, origins, dialect: nobody,
            local=lambda dialect: nobody,
            passthrough=nobody,
            prepare=self.prepared.append,
        )
        environ = environ or {}
        self.engine = Engine(compile_program(load_paths([path], environ), self.parts))
        self.reloader = Reloader(self.engine, [path], environ, self.parts, self.applied.append)

    def _hear(self, event: Event, journal: Journal | None) -> None:
        self.events.append(event)
