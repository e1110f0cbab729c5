"""401: the key is wrong, and the error says which key that was."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class RefusedKey:
    async def play(self, turn: Turn) -> None:
        key = "".join(turn.request.values("Authorization")).removeprefix("Bearer ")
        message = f"Incorrect API key provided: {key}. You can find your API key elsewhere."
        await turn.answer(401, error(message, "invalid_request_error", "invalid_api_key"))
