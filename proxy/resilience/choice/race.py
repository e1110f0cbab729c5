"""Several targets asked beside one another for one call.

    ask one here, and wait --+- it answers                    -> those beside it are called off
                             +- it fails                      -> begin who is led to, if anybody
                             +- time for a hedge, and allowed -> begin one beside it
    those beside it ---------+- one answers                   -> all others are called off
                             +- one fails                     -> begin who is led to, if anybody
                             +- cancelled                     -> all are called off

The first answer wins, and nobody else runs on when it is there. Most calls need nobody beside: who
runs alone is asked in the task of the call itself, which costs nothing.
"""

import asyncio
from collections.abc import Callable

from proxy.core.call import Call
from proxy.core.clock import Clock, Timer
from proxy.core.event import Hedged
from proxy.core.failure import Failure
from proxy.core.reply import End, Reply
from proxy.resilience.choice.interrupt import Interrupt
from proxy.resilience.choice.runners import Runners
from proxy.resilience.choice.turn import Turn, asked
from proxy.resilience.choice.walk import Walk


class Race:
    """One call's race, run once, in the task of the call.

    `hedge_after_s` of 0 begins all at once; None waits for as long as 19 of 20 answers of the
    target before have taken to begin, and for ever while that is not known. At most `most` run at
    once. A hedge is paid for from the budget of the target that is slow, which has the requests
    that the budget is a share of; a race, which the policy wants for every call, is not.
    """

    __slots__ = (
        "_begun_at",
        "_call",
        "_clock",
        "_flaw",
        "_hedge_after_s",
        "_here",
        "_interrupt",
        "_most",
        "_runners",
        "_timer",
        "_walk",
    )

    def __init__(
        self, walk: Walk, call: Call, hedge_after_s: float | None, most: int, clock: Clock
    ) -> None:
        self._walk = walk
        self._call = call
        self._hedge_after_s = hedge_after_s
        self._most = most
        self._clock = clock
        self._runners = Runners(call.journal, self._heard)
        self._here: Turn | None = None  # who is asked in this task
        self._begun_at = 0.0  # the last of them
        self._timer: Timer | None = None
        self._interrupt = Interrupt()
        self._flaw: BaseException | None = None  # a bug of ours in what was decided meanwhile

    async def run(self) -> Reply:
        """The first answer; or raises what it all came to, when everybody has failed."""
        try:
            winner = await self._winner()
        except BaseException:
            await self._call_off()
            raise
        try:
            await self._call_off()
        except BaseException:
            await winner.close(End.LOST)
            raise
        return winner

    async def _winner(self) -> Reply:
        while (turn := self._walk.next()) is not None:
            answer = await self._ask_here(turn) or await self._wait_for_others()
            if answer is not None:
                self._walk.answered(answer[0])
                return answer[1]
        raise self._walk.failure()

    async def _ask_here(self, turn: Turn) -> tuple[Turn, Reply] | None:
        """Its answer; None where it failed, or one beside it has ended the race."""
        try:
            with self._interrupt:
                self._here = turn
                self._begun(turn)
                return turn, await asked(turn)
        except Failure as failure:
            self._here = None
            self._walk.failed(turn, failure)
            self._replace_failed()  # who failed at the same moment has not been heard of yet
            if self._runners and not self._runners.decided:
                self._replace()
        finally:
            self._here = None
        return None

    async def _wait_for_others(self) -> tuple[Turn, Reply] | None:
        """The first answer of those that run beside; None when all of them have failed."""
        while self._runners and self._flaw is None and not self._runners.decided:
            with self._interrupt:
                await asyncio.get_running_loop().create_future()
        if self._flaw is not None:
            raise self._flaw
        return self._runners.answer()

    def _heard(self) -> None:
        """One of those beside is done."""
        self._safely(self._replace_failed)
        alone = self._here is None and not self._runners
        if alone or self._flaw is not None or self._runners.decided:
            self._interrupt.now()

    def _replace_failed(self) -> None:
        for turn, failure in self._runners.failures():
            self._walk.failed(turn, failure)
            if not self._runners.decided:
                self._replace()

    def _replace(self) -> None:
        """Begin who the last failure leads to, if it leads to anybody."""
        turn = self._walk.next(alone=self._here is None and not self._runners)
        if turn is not None:
            self._begin(turn)

    def _begin(self, turn: Turn) -> None:
        self._runners.begin(turn)
        self._begun(turn)

    def _begun(self, turn: Turn) -> None:
        """Another runs: see to it that somebody is asked beside it in time."""
        if self._hedge_after_s == 0.0:
            self._hedge()
            return
        self._drop_timer()
        wait_s, standing = self._hedge_after_s, turn.target.standing
        if wait_s is None and standing is not None:
            wait_s = standing.latency.p95_s
        if wait_s is not None and self._running < self._most:
            self._begun_at = self._clock.now()
            self._timer = self._clock.call_later(wait_s, self._time_for_a_hedge)

    def _time_for_a_hedge(self) -> None:
        self._timer = None
        self._safely(self._hedge)
        if self._flaw is not None:
            self._interrupt.now()

    def _hedge(self) -> None:
        """Begin one beside those that run, where there is one and it may be."""
        if not 0 < self._running < self._most or self._runners.decided:
            return
        if self._hedge_after_s != 0.0 and self._begins:
            return
        turn = self._walk.beside()
        if turn is None:
            return
        origin = self._runners.latest or self._here
        assert origin is not None  # somebody runs
        waited_s, payer = 0.0, origin.target.standing
        if self._hedge_after_s != 0.0:
            waited_s = self._clock.now() - self._begun_at
            if (
                payer is not None
                and turn.target.standing is not None
                and not payer.budget.withdraw()
            ):
                return
        self._walk.begun(turn)
        self._call.journal.tell(Hedged(origin.target.name, turn.target.name, waited_s))
        self._begin(turn)

    @property
    def _running(self) -> int:
        return len(self._runners) + (self._here is not None)

    @property
    def _begins(self) -> bool:
        """Whether one that runs has begun its answer, which is held back until it is whole."""
        running = (self._here, *self._runners.turns)
        return any(turn and self._call.journal.answers(turn.target.name) for turn in running)

    def _safely(self, decide: Callable[[], None]) -> None:
        """Nobody hears what a callback raises: the task of the call raises it in its place."""
        try:
            decide()
        except BaseException as flaw:
            self._flaw = flaw

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _call_off(self) -> None:
        self._drop_timer()
        if self._runners:
            await self._runners.call_off()
