"""A piece at a time, `every_s` apart: never silent for long, and never soon at its end."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Drip:
    every_s: float

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        first, *others = turn.good.pieces
        await turn.send(first)
        for piece in others:
            await turn.clock.sleep(self.every_s)
            await turn.send(piece)
        await turn.end()
