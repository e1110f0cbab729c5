"""The real program for one play: every part of it new, but on a jumping clock and without names."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult

from proxy.capture.gate import Gate
from proxy.capture.limits import Limits
from proxy.capture.listener import Listener
from proxy.capture.tunnels.certificates import Certificates
from proxy.core.call import Call
from proxy.core.clock import SystemDice
from proxy.core.event import Bug, CallEnded, CallStarted, Event
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect
from proxy.drill.clock import JumpingClock
from proxy.embeddings.handler import Encode
from proxy.embeddings.model import LocalModel
from proxy.engine.compile import compile_program
from proxy.engine.serve import Engine
from proxy.living import Living
from proxy.policy.snapshot import Snapshot
from proxy.resilience.standing.state import Standings

_NO_CA = Path("/nonexistent")
"""The drill's apps come by base URL: none asks for a certificate."""

SEED = 7
"""Of the dice: a play that is played again goes the same way."""


@asynccontextmanager
async def program(
    snapshot: Snapshot, clock: JumpingClock, model: LocalModel, account: "Account"
) -> AsyncIterator["Running"]:
    """The program under `snapshot`, everything in it new but the local model."""
    dice = SystemDice(SEED)
    living = Living(snapshot.backend, clock, dice, account.hear, _Nowhere())
    try:
        parts = replace(living.parts, local=lambda dialect: _Held(model, dialect, clock))
        engine = Engine(compile_program(snapshot, parts))
        listener = Listener(
            engine,
            clock,
            dice,
            account.hear,
            lambda headers: None,
            gate=Gate(""),
            limits=Limits(),
            certificates=Certificates(_NO_CA, tuple, {}, account.hear),
            dialler=living.dialler,
            via=living.via,
        )
        try:
            yield Running(await listener.open("127.0.0.1", 0), snapshot, parts.standings)
        finally:
            await listener.drain(0.0)
    finally:
        await living.close()


@dataclass(frozen=True, slots=True)
class Running:
    """It listens on `port`."""

    port: int
    snapshot: Snapshot
    standings: Standings

    def left(self) -> list[str]:
        """Places that calls have taken and not given back."""
        told = []
        for upstream in self.snapshot.upstreams.values():
            places = self.standings.of(upstream).places
            if places.in_use or places.waiting:
                told.append(f"{upstream.name} has {places.in_use + places.waiting} places in use")
        return told


class Account:
    """Hears what happens: what is still running, and what is a bug of ours."""

    def __init__(self) -> None:
        self.bugs: list[str] = []
        self._running: dict[str, str] = {}

    def hear(self, event: Event, journal: Journal | None) -> None:
        match event:
            case CallStarted(call=call):
                self._running[call.id] = str(call)
            case CallEnded(call=call):
                self._running.pop(call.id, None)
            case Bug():
                self.bugs.append(f"a bug in {event.where}: {event.error!r}")

    def left(self) -> list[str]:
        return [f"{call} is still running" for call in self._running.values()]


@dataclass(frozen=True, slots=True)
class _Held(Handler):
    """The target `local`; time stands still while it computes."""

    model: LocalModel
    dialect: Dialect
    clock: JumpingClock

    async def handle(self, call: Call) -> Reply:
        with self.clock.held():
            return await Encode(self.model, self.dialect).handle(call)


class _Nowhere(AbstractResolver):
    """Providers of the drill have addresses; no name leads anywhere, and nobody outside is asked
    for one."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        """Nothing is held."""
