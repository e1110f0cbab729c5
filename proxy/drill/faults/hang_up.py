"""The connection is closed without an answer."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class HangUp:
    async def play(self, turn: Turn) -> None:
        turn.cut()
