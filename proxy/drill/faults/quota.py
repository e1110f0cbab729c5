"""The account has no credit left."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class Quota:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.QUOTA)
