"""The strategy `fastest`: the next target is asked too while the one before has not begun to
answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.failure import Failure
from proxy.core.reply import Reply
from proxy.policy.schema import WhenAllOpen
from proxy.resilience.choice.race import Race
from proxy.resilience.choice.target import Target
from proxy.resilience.choice.walk import Walk, in_turn


@dataclass(frozen=True, slots=True)
class Fastest:
    """The first answer that is worth something, of targets that are asked beside one another.

    `hedge_after_s` and `extra_calls` as the policy has them (see `Race`). What is not safe to
    repeat is asked of one at a time.
    """

    targets: tuple[Target, ...]
    hedge_after_s: float | None
    extra_calls: int | None
    when_all_open: WhenAllOpen
    clock: Clock

    async def handle(self, call: Call) -> Reply:
        return await self.after(call, ())

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        walk = Walk(self.targets, call, self.when_all_open, self.clock, failures)
        most = len(self.targets) if self.extra_calls is None else 1 + self.extra_calls
        if most == 1 or not call.repeatable:
            return await in_turn(walk)
        return await Race(walk, call, self.hedge_after_s, most, self.clock).run()
