"""A 5xx with an error in the provider's own form."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class ServerError:
    status: int = 500

    async def play(self, turn: Turn) -> None:
        await turn.answer(self.status, error("The server had an error while processing"))
