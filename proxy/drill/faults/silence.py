"""The request is taken, and nothing ever comes."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Silence:
    async def play(self, turn: Turn) -> None:
        await turn.silence()
