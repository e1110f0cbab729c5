"""The layer that answers when everybody else has failed."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.handler import Handler
from proxy.core.reply import Reply


@dataclass(frozen=True, slots=True)
class LastResort:
    """Answers in place of `inner` when that has failed in one of the ways `on`.

    Of several failures that of the upstream counts which the app was calling, or else the first:
    what a fallback does not like about the request is no mistake of the app. Where nobody could be
    asked, it answers.
    """

    inner: Handler
    name: str
    on: frozenset[FailureKind]
    stand_in: Handler

    async def handle(self, call: Call) -> Reply:
        try:
            return await self.inner.handle(call)
        except Failure as failure:
            failures = failure.failures if isinstance(failure, Exhausted) else (failure,)
            nearest = next((one for one in failures if one.target == call.upstream), failures[0])
            if nearest.kind not in self.on and not isinstance(nearest, Unfit):
                raise
            try:
                reply = await self.stand_in.handle(call)
            except Unfit as refusal:
                call.journal.tell(PassedOver(self.name, refusal.message, unfit=refusal.kind))
                raise failure from None
            last = failures[-1]
            call.journal.tell(FellBack(last.target, self.name, last.kind))
            return reply
