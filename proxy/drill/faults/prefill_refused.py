"""A good provider that refuses a conversation which ends in the assistant's mouth."""

from dataclasses import dataclass

from proxy.drill.faults.good import GOOD
from proxy.drill.server.turn import Fault, Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class PrefillRefused:
    otherwise: Fault = GOOD

    async def play(self, turn: Turn) -> None:
        if turn.speech.prefill(turn.request.json):
            await turn.refuse(Trouble.PREFILL)
        else:
            await self.otherwise.play(turn)
