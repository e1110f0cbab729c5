"""Asks the same target again."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.event import Retrying
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import Reply
from proxy.policy.schema import Retry as Settings
from proxy.resilience.backoff import decide


@dataclass(frozen=True, slots=True)
class Retry:
    """Up to `settings.attempts` calls of `inner`, waiting between them.

    What a provider may have acted on is repeated only where that does no harm (`Call.repeatable`).
    """

    inner: Handler
    target: str
    settings: Settings
    clock: Clock
    dice: Dice

    async def handle(self, call: Call) -> Reply:
        attempt = 1
        before: Failure | None = None
        while True:
            try:
                return await self.inner.handle(call)
            except Failure as failure:
                if before is not None and failure.kind is FailureKind.CIRCUIT_OPEN:
                    raise before from None  # it says why the breaker opened just now
                wait_s = decide(self.settings, failure, attempt, self.dice)
                if wait_s is None or not may_repeat(call, failure):
                    raise
                call.journal.tell(Retrying(self.target, failure.kind, wait_s))
                before = failure
            await self.clock.sleep(wait_s)
            attempt += 1


def may_repeat(call: Call, failure: Failure) -> bool:
    """Whether `call` can be sent once more after `failure`, here or elsewhere."""
    return call.repeatable or not failure.sent
