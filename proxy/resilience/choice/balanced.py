"""The strategy `load_balanced`: the better of two that chance has picked is asked first."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.failure import Failure
from proxy.core.reply import Reply
from proxy.policy.schema import WhenAllOpen
from proxy.resilience.choice.asides import Asides
from proxy.resilience.choice.load import Load
from proxy.resilience.choice.score import drawn, is_away, score, shares_of
from proxy.resilience.choice.target import Target
from proxy.resilience.choice.turn import Turn, asked
from proxy.resilience.choice.walk import Walk, first_in_turn, in_turn

CLEARLY = 0.75
"""The second that is drawn is asked first when its score is less than this part of the first's.
Averages over a few calls differ by a tenth without meaning anything, and as long as nobody is
better the calls have to follow the weights."""

LOOK = 0.05
"""The share of calls that go to the first that is drawn, whatever the scores say: else nobody would
learn that a slow one has become fast."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """Two different targets are drawn by their weights, and the one with the better `score` is
    asked first; after it the others, the best first, as their `on` says. Who is better left alone
    comes last; one that may be tried again is tried when it is drawn.

    Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001. Nearly
    as even as asking the best of all, and nobody is rushed at for looking best.
    """

    targets: tuple[Target, ...]
    when_all_open: WhenAllOpen
    clock: Clock
    dice: Dice
    loads: tuple[Load, ...] = field(repr=False)  # of each target, in their order

    async def handle(self, call: Call) -> Reply:
        return await self.after(call, ())

    async def after(self, call: Call, failures: Sequence[Failure]) -> Reply:
        asides = Asides(call)
        places = list(range(len(self.targets)))
        if failures:
            failed = {failure.target for failure in failures}
            places = [place for place in places if self.targets[place].name not in failed]
        shares = shares_of(self.targets, self.loads, self.clock.now())
        first = self._first(places.copy(), shares, asides)

        def walk() -> Walk:
            order = self._order(first, places, shares, asides)
            targets = [self.targets[place] for place in order]
            return Walk(targets, call, self.when_all_open, self.clock, failures, asides)

        if first is not None and not failures and self.targets[first].standing is not None:
            return await first_in_turn(Turn(self.targets[first], call, 0), walk, self._ask)
        return await in_turn(walk(), self._ask)

    def _order(
        self, first: int | None, places: list[int], shares: list[float], asides: Asides
    ) -> list[int]:
        """`places` as they are to be asked: the first of them, and then the best first. Of those
        that were drawn `asides` know what speaks against them."""
        others = [place for place in places if place != first]
        if len(others) > 1:
            shunned = [asides.known_against(target) for target in self.targets]
            others.sort(key=lambda place: (shunned[place], self._score(place, shares, asides)))
        return others if first is None else [first, *others]

    def _ask(self, turn: Turn) -> Awaitable[Reply]:
        own = [load for at, load in enumerate(self.loads) if self.targets[at] is turn.target]
        return _ask(turn, own[0])

    def _first(self, hat: list[int], shares: list[float], asides: Asides) -> int | None:
        """None where all are better left alone."""
        first = self._draw(hat, shares, asides)
        if first is None or not hat or self.loads[first].away:
            return first
        if self.dice.uniform(0.0, 1.0) < LOOK:
            return first
        second = self._draw(hat, shares, asides)
        if second is None:
            return first
        if self.loads[second].away:
            return second
        mine, other = self._score(first, shares, asides), self._score(second, shares, asides)
        return second if other < CLEARLY * mine else first

    def _draw(self, hat: list[int], shares: list[float], asides: Asides) -> int | None:
        """One that is not better left alone, taken out of the hat; None when there is none."""
        while hat:
            place = drawn(hat, shares, self.dice)
            hat.remove(place)
            target = self.targets[place]
            if target.standing is not None and is_away(target.standing):
                self.loads[place].went()
            if asides.against(target) is None:
                return place
        return None

    def _score(self, place: int, shares: list[float], asides: Asides) -> float:
        target = self.targets[place]
        share = shares[place] * len(shares) / sum(shares)
        return score(target, self.loads[place], share, asides.left(target), self.targets)


async def _ask(turn: Turn, load: Load) -> Reply:
    """The answer of the one whose turn it is. It is in flight until that has ended."""
    load.begun()
    try:
        reply = await asked(turn)
    except Failure as failure:
        load.failed(failure)
        raise
    except BaseException:
        load.cancelled()
        raise
    reply.endings.append(load.until_end_of(reply))
    return reply
