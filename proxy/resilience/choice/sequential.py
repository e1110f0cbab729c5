"""The strategy `sequential`: one target after the other, as far as their `on` leads."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.failure import Failure
from proxy.core.reply import Reply
from proxy.policy.schema import WhenAllOpen
from proxy.resilience.choice.asides import Asides
from proxy.resilience.choice.target import Target
from proxy.resilience.choice.turn import Turn
from proxy.resilience.choice.walk import Walk, first_in_turn, in_turn


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
        asides = Asides(call)

        def walk() -> Walk:
            return Walk(self.targets, call, self.when_all_open, self.clock, (), asides)

        first = self.targets[0]
        if first.standing is not None and asides.against(first) is None:
            return await first_in_turn(Turn(first, call, 0), walk)
        return await in_turn(walk())

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        return await in_turn(Walk(self.targets, call, self.when_all_open, self.clock, failures))
