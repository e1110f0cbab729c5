"""529: too much to do for everybody at once."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class Overloaded:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.OVERLOADED)
