"""An error with status 200 and no stream, whatever was asked for."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class ErrorIn200:
    async def play(self, turn: Turn) -> None:
        await turn.answer(200, error("Provider returned error", "server_error"))
