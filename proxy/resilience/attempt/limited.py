"""Asks an upstream no more at once than it may be asked."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.event import PassedOver
from proxy.core.failure import Failure
from proxy.core.handler import Handler
from proxy.core.reply import End, Reply
from proxy.resilience.standing.state import Standing


@dataclass(frozen=True, slots=True)
class Limited:
    """Waits for a place at its upstream, and holds it until the answer has ended.

    Failure(limit) when there is none in time: the next target is asked. Where the call has to begin
    by a certain time, it is not waited for a place that would come too late for the fastest answer.
    """

    inner: Handler
    target: str
    standing: Standing

    async def handle(self, call: Call) -> Reply:
        places = self.standing.places
        if not places.take_now():
            await self._wait(call)
        try:
            reply = await self.inner.handle(call)
        except BaseException:
            places.give()
            raise
        reply.endings.append(self._ended)
        return reply

    async def _wait(self, call: Call) -> None:
        least_s = self.standing.latency.least_s or 0.0
        try:
            await self.standing.places.take(min(call.begin_by, call.end_by) - least_s)
        except Failure as refusal:
            call.journal.tell(PassedOver(self.target, refusal.message, refusal.kind))
            raise

    def _ended(self, end: End) -> None:
        self.standing.places.give()
