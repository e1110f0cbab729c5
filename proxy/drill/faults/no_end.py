"""An answer that HTTP calls whole after `pieces` of it, and that says nothing of its end."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class NoEnd:
    pieces: int

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good, chunked=True)
        for piece in turn.good.pieces[: self.pieces]:
            await turn.send(piece)
        await turn.apart()
        await turn.end()
