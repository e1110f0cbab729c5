"""Something that is no HTTP."""

from dataclasses import dataclass

from proxy.drill.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Garbage:
    async def play(self, turn: Turn) -> None:
        await turn.raw(b"\x15\x03\x01\x00\x02\x02\x16 this is not what you asked for\r\n\r\n")
        turn.cut()
