"""Asks the same target again."""

from dataclasses import dataclass
from math import inf

from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.event import NoRetry, PassedOver, Retrying, RetryRefused
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.pact import app_retries
from proxy.core.reply import Reply
from proxy.policy.schema import Retry as Settings
from proxy.resilience.attempt.backoff import decide
from proxy.resilience.deadline import left_s, time_is_up
from proxy.resilience.standing.state import Standing

_NOT_ASKED = frozenset((FailureKind.CIRCUIT_OPEN, FailureKind.LIMIT))


@dataclass(frozen=True, slots=True)
class Retry:
    """Up to `settings.attempts` calls of `inner`, waiting between them.

    What a provider may have acted on is repeated only where that does no harm (`Call.repeatable`).
    Every retry is paid for from the upstream's budget, and none is begun that cannot end in time:
    the fastest answer of late would come too late. A target that is reached when the time is up,
    or too late for its fastest, is passed over.
    """

    inner: Handler
    target: str
    standing: Standing
    settings: Settings
    clock: Clock
    dice: Dice

    async def handle(self, call: Call) -> Reply:
        if self._too_late(call):
            refusal = time_is_up("it could be asked", self.target, sent=False)
            call.journal.tell(PassedOver(self.target, refusal.message, refusal.kind))
            raise refusal
        if not app_retries(call.headers):  # the app's own retry is no new request
            self.standing.budget.deposit()
        attempt = 1
        before: Failure | None = None
        while True:
            try:
                return await self.inner.handle(call)
            except Failure as failure:
                if before is not None and failure.kind in _NOT_ASKED:
                    raise before from None  # it says why the breaker opened just now
                wait_s = self._wait_s(call, failure, attempt)
                if wait_s is None:
                    raise
                call.journal.tell(Retrying(self.target, failure.kind, wait_s))
                before = failure
            await self.clock.sleep(wait_s)
            attempt += 1

    def _too_late(self, call: Call) -> bool:
        """Whoever is asked first is asked while there is any time: what it was asked of late need
        not have been as little as this."""
        left = left_s(call, self.clock)
        return left < inf and left <= (self._least_s if call.journal.attempts else 0.0)

    def _wait_s(self, call: Call, failure: Failure, attempt: int) -> float | None:
        """How long to wait before the next attempt; None when there is none."""
        left = left_s(call, self.clock) - self._least_s
        another = decide(self.settings, failure, attempt, left, self.dice)
        if another is None or not may_repeat(call, failure):
            return None
        refused = another.refused
        if refused is None and not self.standing.budget.withdraw():
            refused = NoRetry.BUDGET
        if refused is not None:
            call.journal.tell(RetryRefused(self.target, failure.kind, refused))
            return None
        return another.wait_s

    @property
    def _least_s(self) -> float:
        """The least time that an answer of this target takes, as far as that is known."""
        return self.standing.latency.least_s or 0.0


def may_repeat(call: Call, failure: Failure) -> bool:
    """Whether `call` can be sent once more after `failure`, here or elsewhere."""
    return call.repeatable or not failure.sent
