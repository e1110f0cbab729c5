"""An error with status 200 and no stream, whatever was asked for."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class ErrorIn200:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.SERVER_ERROR, status=200)
