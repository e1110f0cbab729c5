"""The connection is reset as soon as the request is there."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Reset:
    async def play(self, turn: Turn) -> None:
        turn.reset()
