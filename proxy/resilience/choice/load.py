"""What each target has to do at this moment, and how its last calls went."""

from collections.abc import Callable

from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.core.reply import End, Reply
from proxy.resilience.standing.latency import averaged

SLOW_START_S = 30.0
"""A target that is new or came back gets its whole share after this; caches and pools are warm then
as a rule, and what is still wrong with it has shown."""

FIRST_SHARE = 0.1
"""The part of its share that it gets at the beginning."""

_NOT_ASKED = frozenset((FailureKind.CIRCUIT_OPEN, FailureKind.LIMIT))
_WELL = {End.COMPLETE: True, End.BROKEN: False, End.ABANDONED: None, End.LOST: None}


class Load:
    """The load of one target, from all routes that lead to it. It outlives reloads.

    `in_flight` counts answers that are waited for or on their way to the app. `well` is the share
    of its last calls that went well, a moving average. One that is `away` is left alone, or tried
    for once; one that is `warm` gets its whole share.
    """

    __slots__ = ("_back_at", "away", "in_flight", "warm", "well")

    def __init__(self, now: float) -> None:
        """It is new at `now`, on `Clock.now`."""
        self._back_at = now
        self.away = False
        self.in_flight = 0
        self.warm = False
        self.well = 1.0

    def begun(self) -> None:
        self.in_flight += 1

    def failed(self, failure: Failure) -> None:
        """It ended before there was an answer."""
        self._ended(_verdict(failure))

    def cancelled(self) -> None:
        """Nobody wants the answer any more, or a bug of ours ended it."""
        self._ended(None)

    def until_end_of(self, reply: Reply) -> Callable[[End], None]:
        """An ending: there is an answer, and its end is this one's."""

        def ended(end: End) -> None:
            broken = end is End.BROKEN and reply.broke is not None
            self._ended(_verdict(reply.broke) if broken and reply.broke else _WELL[end])

        return ended

    def went(self) -> None:
        """It starts slowly when it is back."""
        self.away, self.warm = True, False

    def share(self, now: float) -> float:
        """The part of its share that it gets, for one that is there and not yet `warm`."""
        if self.away:
            self.away, self._back_at = False, now
            self.well = 1.0  # what was before is why it went
        share = (now - self._back_at) / SLOW_START_S
        self.warm = share >= 1.0
        return min(1.0, max(FIRST_SHARE, share))

    def _ended(self, well: bool | None) -> None:
        self.in_flight -= 1
        if well is not None:
            self.well = averaged(self.well, float(well))


def _verdict(failure: Failure) -> bool | None:
    """False: another may do better at such calls. None: it says nothing of the target."""
    unasked = isinstance(failure, Unfit) or failure.kind in _NOT_ASKED
    return None if unasked or failure.blameless or not failure.traits.elsewhere else False


class Loads:
    """The load of every target, by name."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, Load] = {}

    def of(self, target: str, now: float) -> Load:
        """The load of `target`, which is new when it is first asked for."""
        load = self._by_name.get(target)
        if load is None:
            load = self._by_name[target] = Load(now)
        return load
