"""The conversation is longer than the model can read."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class ContextLength:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.CONTEXT_LENGTH)
