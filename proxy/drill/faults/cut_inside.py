"""The connection is closed `count` bytes into the piece that follows `pieces` whole ones."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class CutInside:
    pieces: int
    count: int = 20

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces[: self.pieces]:
            await turn.send(piece)
        await turn.apart()
        await turn.send(turn.good.pieces[self.pieces][: self.count])
        turn.cut()
