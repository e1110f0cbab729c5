"""Every scenario of the drill. To add one: a fault (`faults/README.md`), and its line in the group
where it belongs."""

from proxy.drill.scenario import Scenario
from proxy.drill.scenarios.absences import ABSENCES
from proxy.drill.scenarios.refusals import REFUSALS
from proxy.drill.scenarios.streams import STREAMS

SCENARIOS: tuple[Scenario, ...] = (*REFUSALS, *ABSENCES, *STREAMS)
