"""429: too many requests. With `wait`, it says in Retry-After when to come back."""

from dataclasses import dataclass

from tests.faults.answers import error
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class RateLimit:
    wait: str = ""

    async def play(self, turn: Turn) -> None:
        fields = [("Retry-After", self.wait)] if self.wait else []
        body = error("Rate limit reached for gpt-4o", "requests", "rate_limit_exceeded")
        await turn.answer(429, body, *fields)
