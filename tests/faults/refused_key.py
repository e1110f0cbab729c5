"""401: the key is wrong."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class RefusedKey:
    async def play(self, turn: Turn) -> None:
        body = error("Incorrect API key provided", "invalid_request_error", "invalid_api_key")
        await turn.answer(401, body)
