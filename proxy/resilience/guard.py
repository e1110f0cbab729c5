"""One attempt at one target, accounted for: permit, health, limits and the journal's entries."""

from asyncio import CancelledError
from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.clock import Clock, Dice
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, PassedOver
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import End, Reply
from proxy.dialects.allowance import allowances
from proxy.resilience.permit import Permit
from proxy.resilience.state import Standing

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
        started = clock.now()
        number = journal.attempts + 1
        span_id = self.dice.bits(64) if call.trace is not None else 0
        journal.tell(AttemptStarted(self.target, number, call.model, span_id))
        own_key = call.upstream == self.target
        since = standing.health.successes
        try:
            taken = standing.quota.take(len(call.body) // BYTES_PER_TOKEN)
            reply = await self.inner.handle(call.under(span_id))
        except Failure as failure:
            duration_s = clock.now() - started
            _hold_against(standing, permit, failure, duration_s, own_key, since)
            if failure.refusal is not None and standing.learns:
                standing.quota.learn(allowances(failure.refusal.headers, clock.wall()), taken)
            journal.tell(
                AttemptEnded(
                    self.target,
                    number,
                    duration_s,
                    failure.status,
                    failure.kind,
                    failure.message,
                    failure.retry_after_s,
                    failure.hop,
                )
            )
            raise
        except CancelledError:
            permit.ignored()
            journal.tell(AttemptCancelled(self.target, number, clock.now() - started))
            raise
        except BaseException:  # a bug of ours: no news of the target
            permit.ignored()
            raise
        latency_s = clock.now() - started
        reply.endings.append(_Verdict(standing, permit, reply, latency_s, own_key, since))
        standing.latency.note(latency_s)
        journal.tell(AttemptEnded(self.target, number, latency_s, reply.status))
        if standing.learns and (told := allowances(reply.headers, clock.wall())):
            standing.quota.learn(told, taken)
        return reply


def _hold_against(
    standing: Standing,
    permit: Permit,
    failure: Failure,
    latency_s: float,
    own_key: bool,
    since: int,
) -> None:
    """End the permit after `failure`, with the blame that the target has in it."""
    kind = failure.kind
    if failure.blameless or not failure.traits.blame or (own_key and kind in _OF_A_KEY):
        permit.ignored()
    else:
        permit.failed(kind, latency_s, failure.retry_after_s)
        standing.health.failed(kind, failure.message, since)
    if kind is FailureKind.RATE_LIMIT and failure.retry_after_s is not None and standing.learns:
        standing.quota.refused(failure.retry_after_s)


class _Verdict:
    """An ending: what the way a reply ended says of its target."""

    __slots__ = ("_latency_s", "_own_key", "_permit", "_reply", "_since", "_standing")

    def __init__(
        self,
        standing: Standing,
        permit: Permit,
        reply: Reply,
        latency_s: float,
        own_key: bool,
        since: int,
    ) -> None:
        self._standing = standing
        self._permit = permit
        self._reply = reply
        self._latency_s = latency_s
        self._own_key = own_key
        self._since = since

    def __call__(self, end: End) -> None:
        if end is End.COMPLETE:
            self._permit.succeeded(self._latency_s)
            self._standing.health.succeeded(self._latency_s)
        elif end is End.BROKEN:
            failure = self._reply.broke or Failure(FailureKind.BROKEN_STREAM, "its answer broke")
            latency_s, own_key = self._latency_s, self._own_key
            _hold_against(self._standing, self._permit, failure, latency_s, own_key, self._since)
        else:
            self._permit.ignored()
