"""The strategy `sequential`: one target after the other, as far as their `on` leads."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.failure import Failure
from proxy.core.reply import Reply
from proxy.policy.schema import WhenAllOpen
from proxy.resilience.target import Target
from proxy.resilience.walk import Walk, in_turn


@dataclass(frozen=True, slots=True)
class Sequential:
    """The first target that answers; see `Walk` for the order.

    When one target was asked and failed, its own Failure is raised; when several were, an Exhausted
    that has them all.
    """

    targets: tuple[Target, ...]
    when_all_open: WhenAllOpen
    clock: Clock

    async def handle(self, call: Call) -> Reply:
        return await in_turn(Walk(self.targets, call, self.when_all_open, self.clock))

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        return await in_turn(Walk(self.targets, call, self.when_all_open, self.clock, failures))
