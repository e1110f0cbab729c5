"""One attempt at one target, accounted for: permit, health, limits and the journal's entries."""

from asyncio import CancelledError
from dataclasses import dataclass

from proxy.core.attempt import Attempt
from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.event import PassedOver
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import End, Reply
from proxy.dialects.allowance import allowances
from proxy.resilience.standing.permit import Permit
from proxy.resilience.standing.quota import Taken
from proxy.resilience.standing.quotas import Caller
from proxy.resilience.standing.state import Standing

BYTES_PER_TOKEN = 4
"""Of a request's body, roughly: what it takes of a limit on tokens until the provider says."""

_OF_A_KEY = frozenset((FailureKind.AUTH, FailureKind.QUOTA))


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets a call through while the breaker gives permits, and tells the target's standing its end.

    A stream counts as a success only when it has ended whole. What says nothing of the target
    counts as nothing: a hang-up, the loser of a race, an answer that nobody took, the app's own
    mistakes and deadline, and the refusal of the app's own key, which says nothing of other keys.
    """

    inner: Handler
    target: str
    standing: Standing
    clock: Clock
    dice: Dice

    async def handle(self, call: Call) -> Reply:
        standing, clock, journal = self.standing, self.clock, call.journal
        try:
            permit = standing.breaker.permit(call.insist)
        except Failure as refusal:
            journal.tell(PassedOver(self.target, refusal.message, refusal.kind))
            raise
        span_id = self.dice.bits(64) if call.trace is not None else 0
        attempt = Attempt(journal, clock, self.target, call.model, span_id)
        caller = Caller(call)
        verdict = _Verdict(standing, permit, caller, call.model, call.upstream == self.target)
        try:
            quota = standing.quotas.known(caller, call.model)
            taken = quota.take(len(call.body) // BYTES_PER_TOKEN) if quota is not None else None
            reply = await self.inner.handle(call.under(span_id))
        except Failure as failure:
            verdict.latency_s = attempt.took_s
            verdict.against(failure)
            if standing.learns:
                verdict.learn_from(failure, taken, clock.wall())
            attempt.failed(failure)
            raise
        except CancelledError:
            permit.ignored()
            attempt.cancelled()
            raise
        except BaseException:  # a bug of ours: no news of the target
            permit.ignored()
            raise
        verdict.latency_s = latency_s = attempt.answered(reply.status)
        verdict.reply = reply
        reply.endings.append(verdict)
        standing.latency.note(latency_s)
        if (
            standing.learns
            and (quota is None or quota.due)
            and (told := allowances(reply.headers, clock.wall()))
        ):
            standing.quotas.of(caller, call.model).learn(told, taken)
        return reply


class _Verdict:
    """An ending: what the way an attempt or its answer ended says of the target."""

    __slots__ = (
        "_caller",
        "_model",
        "_own_key",
        "_permit",
        "_since",
        "_standing",
        "latency_s",
        "reply",
    )

    def __init__(
        self, standing: Standing, permit: Permit, caller: Caller, model: str | None, own_key: bool
    ) -> None:
        self._standing = standing
        self._permit = permit
        self._caller = caller
        self._model = model
        self._own_key = own_key
        self._since = standing.health.successes
        self.latency_s = 0.0
        self.reply: Reply | None = None

    def __call__(self, end: End) -> None:
        if end is End.COMPLETE:
            self._permit.succeeded(self.latency_s)
            self._standing.health.succeeded(self.latency_s)
        elif end is End.BROKEN:
            broke = self.reply.broke if self.reply is not None else None
            self.against(broke or Failure(FailureKind.BROKEN_STREAM, "its answer broke"))
        else:
            self._permit.ignored()

    def against(self, failure: Failure) -> None:
        """End the permit with the blame that the target has in `failure`."""
        kind, wait_s = failure.kind, failure.retry_after_s
        if not failure.traits.blame or failure.blameless or (self._own_key and kind in _OF_A_KEY):
            self._permit.ignored()
        else:
            self._permit.failed(kind, self.latency_s, wait_s)
            self._standing.health.failed(kind, failure.message, self._since)
        if kind is FailureKind.RATE_LIMIT and wait_s is not None and self._standing.learns:
            self._standing.quotas.of(self._caller, self._model).refused(wait_s)

    def learn_from(self, failure: Failure, taken: Taken | None, wall_s: float) -> None:
        """What a refusal tells of rate limits. `wall_s` is now, since the epoch."""
        refusal = failure.refusal
        if refusal is not None and (told := allowances(refusal.headers, wall_s)):
            self._standing.quotas.of(self._caller, self._model).learn(told, taken)
