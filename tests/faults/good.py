"""No fault: the whole answer, in pieces, `pause_s` apart."""

import asyncio
from dataclasses import dataclass

from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class Good:
    pause_s: float = 0.0

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces:
            await turn.send(piece)
            await asyncio.sleep(self.pause_s)
        await turn.end()


GOOD = Good()
