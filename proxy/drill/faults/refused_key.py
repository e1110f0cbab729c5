"""The key is wrong, and the error says which key that was."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class RefusedKey:
    async def play(self, turn: Turn) -> None:
        key = "".join(turn.request.values("Authorization")).removeprefix("Bearer ")
        await turn.refuse(Trouble.WRONG_KEY, detail=f"{key}. You can find your API key elsewhere.")
