"""Nothing more comes after `pieces` of the answer, and the connection stays."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Stall:
    pieces: int

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces[: self.pieces]:
            await turn.send(piece)
        await turn.silence()
