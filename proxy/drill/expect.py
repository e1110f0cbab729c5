"""What a policy promises the app when a provider fails in a certain way.

The table, from the top; the first line that fits counts:

    the fault is no failure (a slow answer, one bad event)          whole
    a stream broke after a word: `resume`, and another is led to    whole, of both
                                 else                               broken: told in-band, and cut
    it passes, and the policy has such a failure retried            whole, of the same provider
    another target is led to by such a failure                      whole, of that one
    an old answer is in the cache, and may stand in                 whole, stale and marked
    a last resort covers such a failure                             whole, made up and marked
    else, the caller's own mistakes among them                      an honest error

Where providers have several words for a fault and the policy treats those differently, where a
breaker may open meanwhile, or a deadline end it all, more than one end is right.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from proxy.core.call import Operation
from proxy.core.failure import ELSEWHERE, TRAITS, FailureKind
from proxy.drill.scenario import Kinds, Scenario
from proxy.drill.subject import Seat, Subject

OF_ANOTHER = 503
"""What is told of a failure that is about an upstream which the app did not call: its key, its
limits, what it does not like."""


class Ended(StrEnum):
    """How an answer ended for the app."""

    WHOLE = "whole"
    ERROR = "error"  # instead of an answer
    BROKEN = "broken"  # after its beginning: told in the stream, and cut
    WRONG = "wrong"  # it may be taken for an answer, and is none
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Expected:
    """The ends that are right and in a few words why; and the statuses that an error may have."""

    ends: frozenset[Ended]
    why: str
    statuses: frozenset[int]


def expected(
    subject: Subject, scenario: Scenario, struck: Seat, *, stream: bool, primed: bool
) -> Expected:
    """Of each call of the scenario with `struck` stricken. `primed`: an old answer is stored."""
    case = _Case(subject, scenario, struck, stream, primed)
    ends, why = case.ends()
    kinds = set(case.kinds)
    if scenario.calls > 1:
        kinds.add(FailureKind.CIRCUIT_OPEN)
    if case.out_of_time:
        kinds |= {FailureKind.TIMEOUT_TOTAL, FailureKind.LIMIT}
        ends = {*ends, Ended.ERROR, *([Ended.BROKEN] if stream else [])}
    statuses = {TRAITS[kind].status for kind in kinds}
    if struck.name != subject.called:
        statuses.add(OF_ANOTHER)
    return Expected(frozenset(ends), why, frozenset(statuses))


Sure = bool | None
"""None: it depends on what the drill does not decide."""


class _Case:
    def __init__(
        self, subject: Subject, scenario: Scenario, struck: Seat, stream: bool, primed: bool
    ) -> None:
        assert struck.upstream is not None  # who is stricken is a provider
        amounts = scenario.amounts(struck.upstream, stream=stream)
        self.kinds: Kinds = amounts.kinds
        self._subject = subject
        self._scenario = scenario
        self._struck = struck
        self._upstream = struck.upstream
        self._stream = stream
        self._primed = primed
        deadline = subject.route.deadline if subject.route is not None else None
        takes_s = amounts.after_s * struck.attempts + (scenario.wait_s if scenario.passes else 0)
        self.out_of_time = deadline is not None and takes_s >= deadline

    def ends(self) -> tuple[Iterable[Ended], str]:
        if not self.kinds:
            return [Ended.WHOLE], "it is borne"
        route, led = self._subject.route, self._led()
        if self._scenario.after_a_word and not self._subject.read:
            return [Ended.BROKEN], "nobody reads it: it is cut where it was cut"
        mid_stream = route.mid_stream if route is not None else "error"
        if self._stream and self._scenario.after_a_word and mid_stream != "hold":
            if mid_stream == "resume" and led is not False:
                also = [] if led else [Ended.BROKEN]
                return [Ended.WHOLE, *also], "another target goes on with it"
            return [Ended.BROKEN], "the app is told in the stream, and it is cut"
        ways = (
            (self._retried(), "the same provider is asked again"),
            (led, "another target is led to"),
            (self._stale(), "an old answer stands in"),
            (self._last_resort(), "a last resort stands in"),
        )
        for sure, why in ways:
            if sure:
                return [Ended.WHOLE], why
        unsure = any(sure is None for sure, _ in ways) or self._scenario.calls > 1
        also = [Ended.WHOLE] if unsure or self._beside() else []
        return [Ended.ERROR, *also], "nobody else may answer: an honest error"

    def _retried(self) -> Sure:
        scenario, retry = self._scenario, self._upstream.retry
        if not scenario.passes or self._struck.attempts < 2 or not self._may_repeat():
            return False
        if scenario.wait_s > retry.retry_after_max:
            return False
        breaker = self._upstream.breaker
        trips = breaker.consecutive == 1 or 2 * scenario.calls >= breaker.min_calls
        sure = self._each(lambda kind: kind in retry.on)
        return None if sure and scenario.calls > 1 and trips else sure

    def _led(self) -> Sure:
        others = self._others()
        if not self._may_repeat():
            return False
        return self._each(lambda kind: any(kind in seat.on for seat in others))

    def _stale(self) -> Sure:
        return self._each(lambda kind: TRAITS[kind].stale) if self._primed else False

    def _last_resort(self) -> Sure:
        route = self._subject.route
        if route is None or route.last_resort == "none" or not self._computes():
            return False
        return self._each(lambda kind: kind in ELSEWHERE)

    def _beside(self) -> bool:
        """Whether another may have been asked at the same time."""
        route = self._subject.route
        return route is not None and route.strategy == "fastest" and bool(self._others())

    def _others(self) -> list[Seat]:
        """Who may be asked after the one that is stricken."""
        seats, route = self._subject.seats, self._subject.route
        at = seats.index(self._struck)
        in_order = route is not None and route.strategy == "sequential"
        others = [
            seat
            for place, seat in enumerate(seats)
            if seat.able and place != at and (place > at or not in_order)
        ]
        if self._scenario.prefill_only:
            return [seat for seat in others if seat.upstream is not None and seat.upstream.prefill]
        return others

    def _each(self, test: Callable[[FailureKind], bool]) -> Sure:
        told = {test(kind) for kind in self.kinds}
        return told.pop() if len(told) == 1 else None

    def _computes(self) -> bool:
        """Whether what is asked for is only computed, and can be made up."""
        return self._subject.operation not in (Operation.MODELS, Operation.OTHER)

    def _may_repeat(self) -> bool:
        unsent = self._scenario.absence(self._upstream) is not None
        return unsent or self._subject.operation is not Operation.OTHER
