"""The provider will not answer such a thing."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class ContentFilter:
    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.CONTENT_FILTER)
