"""The answer begins, and its first word comes `wait_s` later; a plain one comes as late, whole."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Late:
    wait_s: float

    async def play(self, turn: Turn) -> None:
        first, *others = turn.good.pieces
        if not turn.good.chunked:
            await turn.clock.sleep(self.wait_s)
        await turn.begin(turn.good)
        await turn.send(first)
        if turn.good.chunked:
            await turn.clock.sleep(self.wait_s)
        for piece in others:
            await turn.send(piece)
        await turn.end()
