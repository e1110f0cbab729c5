"""A good answer, later: nothing for `wait_s`, then all of it."""

import asyncio
from dataclasses import dataclass

from tests.faults.good import GOOD
from tests.faults.turn import Turn


@dataclass(frozen=True, slots=True)
class Slow:
    wait_s: float

    async def play(self, turn: Turn) -> None:
        await asyncio.sleep(self.wait_s)
        await GOOD.play(turn)
