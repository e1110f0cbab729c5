"""These bytes, in these packets: recorded answers, and whatever has no name here."""

import asyncio
from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Canned:
    packets: tuple[bytes, ...]
    closes: bool = False

    async def play(self, turn: Turn) -> None:
        for packet in self.packets:
            await turn.raw(packet)
            await asyncio.sleep(0)
        if self.closes:
            turn.cut()
