"""429: too many requests. With `wait`, it says in Retry-After when to come back."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class RateLimit:
    wait: str = ""

    async def play(self, turn: Turn) -> None:
        fields = [("Retry-After", self.wait)] if self.wait else []
        await turn.refuse(Trouble.RATE_LIMIT, *fields)
