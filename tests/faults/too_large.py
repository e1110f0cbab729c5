"""413 as soon as the head of a request is there: its body is never read; the connection ends."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class TooLarge:
    async def play(self, turn: Turn) -> None:
        body = error("Maximum content size limit exceeded", "invalid_request_error")
        await turn.answer(413, body, ("Connection", "close"))
        turn.cut()
