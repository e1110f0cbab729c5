"""An event that is no JSON after `pieces` of a stream, which goes on whole."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class MalformedEvent:
    pieces: int = 2

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for number, piece in enumerate(turn.good.pieces):
            if number == self.pieces and turn.good.chunked:
                await turn.apart()
                await turn.send(b'data: {"broken": tru\n\n')
            await turn.send(piece)
        await turn.end()
