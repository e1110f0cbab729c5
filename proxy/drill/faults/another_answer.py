"""A good provider of another mind: it says something else, unless it goes on with what it is
given."""

from dataclasses import dataclass

from proxy.drill.faults.good import GOOD
from proxy.drill.server.turn import Fault, Turn

TEXT = "Good day, this is quite another answer."


@dataclass(frozen=True, slots=True)
class AnotherAnswer:
    otherwise: Fault = GOOD

    async def play(self, turn: Turn) -> None:
        if not turn.speech.prefill(turn.request.json):
            turn.say(TEXT)
        await self.otherwise.play(turn)
