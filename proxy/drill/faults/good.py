"""No fault: the whole answer after `think_s`, in pieces, `pause_s` apart."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Good:
    pause_s: float = 0.0
    think_s: float = 0.0

    async def play(self, turn: Turn) -> None:
        if self.think_s:
            await turn.clock.sleep(self.think_s)
        await turn.begin(turn.good)
        for piece in turn.good.pieces:
            await turn.send(piece)
            await turn.clock.sleep(self.pause_s)
        await turn.end()


GOOD = Good()
