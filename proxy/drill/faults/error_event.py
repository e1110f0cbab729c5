"""A stream that says after `pieces` of it that it has failed; a plain answer that is an error."""

from dataclasses import dataclass

from proxy.drill.faults.error_in_200 import ErrorIn200
from proxy.drill.server.turn import Turn
from proxy.drill.speech.words import Trouble


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    pieces: int = 0

    async def play(self, turn: Turn) -> None:
        if not turn.good.chunked:
            await ErrorIn200().play(turn)
            return
        await turn.begin(turn.good)
        for piece in turn.good.pieces[: self.pieces]:
            await turn.send(piece)
        await turn.apart()
        await turn.send(turn.speech.error_event(Trouble.OVERLOADED))
        await turn.end()
