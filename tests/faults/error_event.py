"""A stream that says after `pieces` of it that it has failed; a plain answer that is an error."""

import asyncio
from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.error_in_200 import ErrorIn200
from tests.faults.turn import Turn

APART_S = 0.05
"""Between the last good piece and the error. Were they read at once, nothing would have gone out to
the app yet, and another provider could still answer."""


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
        await asyncio.sleep(APART_S)
        await turn.send(b"data: " + error("The server is overloaded", "overloaded_error") + b"\n\n")
        await turn.end()
