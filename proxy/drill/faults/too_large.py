"""413 as soon as the head of a request is there: its body is never read; the connection ends."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class TooLarge:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.TOO_LARGE, ("Connection", "close"))
        turn.cut()
