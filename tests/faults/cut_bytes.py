"""The connection is closed after so many bytes of the body, wherever that is."""

from dataclasses import dataclass

from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class CutBytes:
    count: int

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        await turn.send(b"".join(turn.good.pieces)[: self.count])
        turn.cut()
