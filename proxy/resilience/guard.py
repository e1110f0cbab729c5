"""One attempt at one target, accounted for: permit, health and the journal's entries."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.event import AttemptEnded, AttemptStarted, PassedOver
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import End, Reply
from proxy.resilience.breaker import Permit
from proxy.resilience.health import Health
from proxy.resilience.state import Standing

_OF_A_KEY = frozenset((FailureKind.AUTH, FailureKind.QUOTA))


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets a call through while the breaker gives permits, and tells breaker and health its end.

    A stream counts as a success only when it has ended whole. A hang-up and the app's own mistakes
    count as nothing; so does the refusal of the app's own key, which says nothing of other keys.
    """

    inner: Handler
    target: str
    standing: Standing
    clock: Clock
    dice: Dice

    async def handle(self, call: Call) -> Reply:
        try:
            permit = self.standing.breaker.permit()
        except Failure as refusal:
            call.journal.tell(PassedOver(self.target, refusal.message, refusal.kind))
            raise
        started = self.clock.now()
        number = call.journal.attempts + 1
        span_id = self.dice.bits(64) if call.trace is not None else 0
        call.journal.tell(AttemptStarted(self.target, number, call.model, span_id))
        try:
            reply = await self.inner.handle(call.under(span_id))
        except Failure as failure:
            if self._blamed(call, failure):
                permit.failed()
                self.standing.health.failed()
            else:
                permit.ignored()
            call.journal.tell(
                AttemptEnded(
                    self.target,
                    number,
                    self.clock.now() - started,
                    failure.status,
                    failure.kind,
                    failure.message,
                    failure.retry_after_s,
                )
            )
            raise
        except BaseException:  # cancelled, or a bug of ours: no news of the target
            permit.ignored()
            raise
        latency_s = self.clock.now() - started
        call.journal.tell(AttemptEnded(self.target, number, latency_s, reply.status))
        reply.endings.append(_Verdict(permit, self.standing.health, latency_s, reply))
        return reply

    def _blamed(self, call: Call, failure: Failure) -> bool:
        own_key = call.upstream == self.target
        return failure.traits.blame and not (own_key and failure.kind in _OF_A_KEY)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """An ending: what the way a reply ended says of its target."""

    permit: Permit
    health: Health
    latency_s: float
    reply: Reply

    def __call__(self, end: End) -> None:
        broke = self.reply.broke
        if end is End.COMPLETE:
            self.permit.succeeded()
            self.health.succeeded(self.latency_s)
        elif end is End.BROKEN and (broke is None or broke.traits.blame):
            self.permit.failed()
            self.health.failed()
        else:
            self.permit.ignored()
