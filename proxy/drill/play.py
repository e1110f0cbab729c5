"""One play: the real program under a policy, an app that asks, and a provider that fails."""

from dataclasses import dataclass, field

from proxy.drill.app.client import Response, ask
from proxy.drill.cast import Cast, cast
from proxy.drill.clock import Clocks, JumpingClock
from proxy.drill.lot import Lot
from proxy.drill.program import Account, program
from proxy.drill.scenario import Scenario
from proxy.drill.server.presence import Presence
from proxy.drill.server.turn import Request
from proxy.drill.subject import Seat, Subject
from proxy.embeddings.model import LocalModel

GONE_S = 1.0
"""So long after an answer, nothing of its call may be left."""

TURNS = 4
"""For each target that takes turns with others, so that who is stricken has its own."""

BETWEEN_S = 5.0
"""Between two calls of a scenario that has several."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: what the app got, and how often each provider was asked for it."""

    response: Response
    asked: dict[str, int]


@dataclass
class Played:
    """All that came of a play. `struck` is None where no provider was asked at all; `primed` says
    that an old answer was stored; `requests` is what came to each provider, for the calls and
    before them; `left` is what was still there in the end, in words."""

    struck: Seat | None = None
    primed: bool = False
    calls: list[Asked] = field(default_factory=list)
    requests: dict[str, list[Request]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Play:
    """What is played. `victim` is stricken where it is given; else who is asked first."""

    subject: Subject
    scenario: Scenario
    stream: bool
    victim: Seat | None = None

    def __post_init__(self) -> None:
        absent = self.scenario.absence(self.subject.upstream)
        assert (absent is None) == (self.victim is None)  # who is not there is never asked first


async def run(play: Play, clocks: Clocks, model: LocalModel, patience_s: float) -> Played:
    """Play it on a clock of its own, with nothing that any other play has left behind. `model`
    makes vectors, and is shared: what it lasts on is the same for all."""
    victim, presence = play.victim, Presence.HERE
    lot = Lot(play.scenario, play.subject.snapshot.upstreams)
    account = Account()
    if victim is not None and victim.upstream is not None:
        lot.struck = victim.name
        absence = play.scenario.absence(victim.upstream)
        presence = absence.presence if absence is not None else presence
    with clocks.clock() as clock:
        async with (
            cast(play.subject, lot, presence, clock) as (providers, snapshot),
            program(snapshot, clock, model, account) as running,
        ):
            app = _App(play, running.port, providers, clock, patience_s)
            played = await app.calls(lot)
            await clock.sleep(GONE_S)
            played.left += [*account.left(), *running.left()]
            for name, provider in providers.items():
                if provider.playing:
                    played.left.append(f"{name} is still answering")
                played.bugs += [f"{name}: {error!r}" for error in provider.errors]
    played.bugs += account.bugs
    return played


class _App:
    """Asks, and notes who was asked for it."""

    def __init__(
        self, play: Play, port: int, providers: Cast, clock: JumpingClock, patience_s: float
    ) -> None:
        self._play = play
        self._port = port
        self._providers = providers
        self._clock = clock
        self._patience_s = patience_s

    async def calls(self, lot: Lot) -> Played:
        played = Played()
        subject = self._play.subject
        route = subject.route
        cache = route.cache if route is not None else None
        if cache is not None and cache.stale_if_error and not lot.struck:
            primer = (await self._call()).response
            played.primed = primer.status == 200 and primer.whole
            await self._clock.sleep(cache.ttl + 1)
        lot.drawn = True
        times = self._play.scenario.calls
        if lot.struck and route is not None and route.strategy == "load_balanced":
            times = max(times, TURNS * len(subject.providers))
        for number in range(times):
            if number:
                await self._clock.sleep(BETWEEN_S)
            played.calls.append(await self._call())
        seats = [seat for seat in subject.providers if seat.name == lot.struck]
        played.struck = seats[0] if seats else None
        played.requests = {name: each.requests for name, each in self._providers.items()}
        return played

    async def _call(self) -> Asked:
        before = {name: len(each.requests) for name, each in self._providers.items()}
        asking = self._play.subject.asking(stream=self._play.stream)
        called = self._play.subject.called
        response = await ask(self._port, called, asking, self._patience_s, self._clock)
        after = {name: len(each.requests) for name, each in self._providers.items()}
        return Asked(response, {name: after[name] - count for name, count in before.items()})
