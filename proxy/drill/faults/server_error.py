"""A 5xx with an error in the provider's own form."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class ServerError:
    status: int = 500

    async def play(self, turn: Turn) -> None:
        await turn.refuse(Trouble.SERVER_ERROR, status=self.status)
