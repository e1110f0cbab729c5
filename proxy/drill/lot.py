"""Which provider is stricken: the one that is asked first, whatever the strategy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.drill.scenario import HEALTHY, Scenario
from proxy.drill.server.turn import Fault, Turn
from proxy.policy.snapshot import Upstream


@dataclass
class Lot:
    """Falls on the first provider that is asked once it is `drawn`; until then all are well.

    `struck` is its name; one that cannot be reached has it from the start. It plays the scenario's
    script for the settings that it is called under, the last fault of it for ever.
    """

    scenario: Scenario
    upstreams: Mapping[str, Upstream]
    struck: str = ""
    drawn: bool = False
    _played: int = field(default=0)

    def fault(self, name: str) -> Fault:
        """What the provider of that name does with its next request."""
        if not self.drawn:
            return HEALTHY
        if not self.struck:
            self.struck = name
        script = self.scenario.script(self.upstreams[name])
        if self.struck != name or not isinstance(script, tuple):
            return self.scenario.others
        self._played += 1
        return script[min(self._played, len(script)) - 1]


@dataclass(frozen=True, slots=True)
class Fated:
    """The fault of one provider: what the lot says."""

    lot: Lot
    name: str

    async def play(self, turn: Turn) -> None:
        await self.lot.fault(self.name).play(turn)
