"""The way of one call over its targets: who is asked next, and what it all comes to."""

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import Reply
from proxy.policy.schema import WhenAllOpen
from proxy.resilience.attempt.retry import may_repeat
from proxy.resilience.choice.asides import Asides, is_shut
from proxy.resilience.choice.target import Target
from proxy.resilience.choice.turn import Ask, Turn, asked
from proxy.resilience.deadline import left_s, time_is_up

_BEFORE = -1
"""The place of a failure that had happened before the walk began."""

SLOWNESS = FailureKind.TIMEOUT_FIRST_BYTE
"""A target that is asked because another has not begun to answer is led to by this."""


class _Failed(NamedTuple):
    place: int
    failure: Failure


class Walk:
    """Decides, and waits for nothing. Who is asked is the first, in this order, of

        the targets in line: led to by the last failure of one before them; who is better left
            alone now (`Standing.aside`) is passed over while somebody else in line is not
        the targets passed over, now that nobody else has answered
        when the breakers of all are open and `when_all_open` says try: the one whose time is
            nearest; it insists

    Targets that cannot do the call hide no failure of others. A target that was passed over and
    never asked is among the failures, one that was asked after all is there as it failed then.
    """

    __slots__ = (
        "_asides",
        "_call",
        "_clock",
        "_failures",
        "_first",
        "_in_line",
        "_last",
        "_last_asked",
        "_passed_over",
        "_targets",
        "_unfit",
        "_when_all_open",
    )

    def __init__(
        self,
        targets: Sequence[Target],
        call: Call,
        when_all_open: WhenAllOpen,
        clock: Clock,
        failures: Sequence[Failure] = (),
        asides: Asides | None = None,
    ) -> None:
        """`failures` have happened already, and `asides` is what is known already."""
        self._targets = targets
        self._call = call
        self._when_all_open = when_all_open
        self._clock = clock
        self._asides = Asides(call) if asides is None else asides
        self._in_line = list(range(len(targets)))
        self._passed_over: list[_Failed] = []
        self._unfit: list[Failure] = []
        self._failures: list[_Failed] = []
        self._first: int | None = None
        self._last = self._last_asked = None if not failures else _Failed(_BEFORE, failures[-1])
        if failures:
            self._failures += [_Failed(_BEFORE, failure) for failure in failures]
            self._first = _BEFORE
            failed = {failure.target for failure in failures}
            self._in_line = [at for at in self._in_line if targets[at].name not in failed]

    def next(self, *, alone: bool = True) -> Turn | None:
        """Who is to be asked now; None: nobody, or nobody while others still run (not `alone`)."""
        while (place := self._next_in_line()) is not None:
            self._in_line.remove(place)
            target = self._targets[place]
            aside = self._asides.against(target)
            if aside is not None and (not alone or self._is_passed_over(place, aside)):
                self._pass_over(place, aside)
            elif not self._too_late(place):
                return self._turn(place)
        return (self._after_all() or self._insisting()) if alone else None

    def beside(self) -> Turn | None:
        """Who can be asked while others have not begun to answer: nobody who is better left alone,
        or could not answer in time. It is not taken until it is `begun`."""
        left = left_s(self._call, self._clock)
        for place in self._in_line:
            target = self._targets[place]
            in_time = left > _least_s(target)
            if SLOWNESS in target.on and in_time and self._asides.against(target) is None:
                return Turn(target, self._call, place)
        return None

    def begun(self, turn: Turn) -> None:
        """The turn that `beside` found was taken."""
        self._in_line.remove(turn.place)

    def failed(self, turn: Turn, failure: Failure) -> None:
        if isinstance(failure, Unfit):
            failure.target = failure.target or turn.target.name
            self._unfit.append(failure)
            name, journal = turn.target.name, self._call.journal
            journal.tell(PassedOver(name, failure.message, unfit=failure.kind))
            if turn.place == self._first:
                self._first = None
            return
        self._last_asked = self._fail(turn.place, failure)

    def answered(self, turn: Turn) -> None:
        """Tells of a fallback, if it is one: the first has failed, and another answered. Who was
        merely sooner than the first took over from nobody; and what becomes of an answer after
        failures from before is for those to tell who know of them."""
        if self._first == _BEFORE or not self._failures:
            return
        if any(place == self._first for place, _ in self._failures):
            origin = self._failures[-1].failure
            self._call.journal.tell(FellBack(origin.target, turn.target.name, origin.kind))

    def failure(self) -> Failure:
        """What is told where nobody has answered: one failure as it is, of several an Exhausted."""
        failures = tuple(failure for _, failure in self._failures) or tuple(self._unfit)
        return failures[0] if len(failures) == 1 else Exhausted(failures)

    def _turn(self, place: int, *, insist: bool = False) -> Turn:
        if self._first is None:
            self._first = place
        call = self._call.but(insist=True) if insist else self._call
        return Turn(self._targets[place], call, place)

    def _next_in_line(self) -> int | None:
        last = self._last
        for place in self._in_line:
            if last is None or (place > last.place and self._leads(last, place)):
                return place
        return None

    def _leads(self, last: _Failed, place: int) -> bool:
        return last.failure.leads(self._targets[place].on) and may_repeat(self._call, last.failure)

    def _is_passed_over(self, place: int, aside: Failure) -> bool:
        """Whether one behind it is led to by its being left alone, and need not be itself; or
        whether nobody gets through to it anyway."""
        return is_shut(self._targets[place]) or any(
            other > place
            and aside.leads(self._targets[other].on)
            and self._asides.against(self._targets[other]) is None
            for other in self._in_line
        )

    def _pass_over(self, place: int, aside: Failure) -> None:
        if self._first is None:
            self._first = place
        self._passed_over.append(self._fail(place, aside))
        journal, name = self._call.journal, self._targets[place].name
        told = (entry.event for entry in journal.entries)
        if not any(isinstance(event, PassedOver) and event.target == name for event in told):
            journal.tell(PassedOver(name, aside.message, aside.kind))

    def _too_late(self, place: int) -> bool:
        """Whether the time is up for who has no standing; upstreams see to it themselves, and more
        exactly (`Retry`)."""
        target = self._targets[place]
        if target.standing is not None or left_s(self._call, self._clock) > 0:
            return False
        refusal = time_is_up("it could be asked", target.name, sent=False)
        self._call.journal.tell(PassedOver(target.name, refusal.message, refusal.kind))
        self._fail(place, refusal)
        return True

    def _fail(self, place: int, failure: Failure) -> _Failed:
        self._last = _Failed(place, failure)
        self._failures.append(self._last)
        return self._last

    def _after_all(self) -> Turn | None:
        while self._passed_over:
            aside = self._passed_over.pop(0)
            led = self._last_asked is None or self._leads(self._last_asked, aside.place)
            if led and not is_shut(self._targets[aside.place]):
                self._failures.remove(aside)
                return self._turn(aside.place)
        return None

    def _insisting(self) -> Turn | None:
        """Nobody was asked while all that came out is open breakers."""
        failures = self._failures
        if self._when_all_open != "try" or not failures:
            return None
        open_ = FailureKind.CIRCUIT_OPEN
        if any(place == _BEFORE or failure.kind is not open_ for place, failure in failures):
            return None
        nearest = min(failures, key=lambda failed: _told_s(failed.failure))
        self._when_all_open = "fail"  # once
        failures.remove(nearest)
        return self._turn(nearest.place, insist=True)


def _told_s(failure: Failure) -> float:
    """Seconds until it may be asked again; inf where nobody knows."""
    return inf if failure.retry_after_s is None else failure.retry_after_s


def _least_s(target: Target) -> float:
    """The least time that an answer of `target` takes, as far as that is known."""
    least_s = None if target.standing is None else target.standing.latency.least_s
    return least_s or 0.0


async def first_in_turn(turn: Turn, walk: Callable[[], Walk], ask: Ask = asked) -> Reply:
    """The answer of `turn`, which a `walk` would find first; nearly always there is no need of any,
    and none is made. Where it fails, the answer of the next in turn."""
    try:
        return await ask(turn)
    except Failure as failure:
        failed = failure
    rest = walk()
    first = rest.next()
    assert first is not None  # the one that was asked
    rest.failed(first, failed)
    return await in_turn(rest, ask)


async def in_turn(walk: Walk, ask: Ask = asked) -> Reply:
    """The first answer, asking one after the other; or else raises what it all came to."""
    while (turn := walk.next()) is not None:
        try:
            reply = await ask(turn)
        except Failure as failure:
            walk.failed(turn, failure)
        else:
            walk.answered(turn)
            return reply
    raise walk.failure()
