"""The connection is closed after `pieces` of the answer: 1 is before the first word, 2 after it."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Cut:
    pieces: int
    reset: bool = False

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces[: self.pieces]:
            await turn.send(piece)
        await turn.apart()
        if self.reset:
            turn.reset()
        else:
            turn.cut()
