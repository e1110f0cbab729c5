"""The strategy `sequential`: one target after the other, as far as their `on` leads."""

from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import Exhausted, Failure, FailureKind, Unfit
from proxy.core.handler import Handler
from proxy.core.reply import Reply
from proxy.resilience.retry import may_repeat


@dataclass(frozen=True, slots=True)
class Target:
    """One place to ask; `on` says after which failures of those before it."""

    name: str
    on: frozenset[FailureKind]
    handler: Handler


@dataclass(frozen=True, slots=True)
class Sequential:
    """The first target that answers.

    When one target was asked and failed, its own Failure is raised; when several were, an Exhausted
    that has them all. Targets that cannot do the call are passed over and hide no failure.
    """

    targets: tuple[Target, ...]

    async def handle(self, call: Call) -> Reply:
        failures: list[Failure] = []
        unfit: list[Failure] = []
        for target in self.targets:
            if failures and not _leads(call, failures[-1], target):
                continue
            try:
                reply = await target.handler.handle(call)
            except Unfit as refusal:
                refusal.target = refusal.target or target.name
                unfit.append(refusal)
                call.journal.tell(PassedOver(target.name, refusal.message))
            except Failure as failure:
                failures.append(failure)
            else:
                if failures:
                    origin = failures[-1]
                    call.journal.tell(FellBack(origin.target, target.name, origin.kind))
                return reply
        failures = failures or unfit
        raise failures[0] if len(failures) == 1 else Exhausted(tuple(failures))


def _leads(call: Call, failure: Failure, target: Target) -> bool:
    return failure.kind in target.on and may_repeat(call, failure)


@dataclass(frozen=True, slots=True)
class LastResort:
    """Answers in place of `inner` when that has failed in one of the ways `on`.

    Of several failures the first counts, the one nearest to the app's call: what a fallback does
    not like about the request is no mistake of the app. Where nobody could be asked, it answers.
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
            first, last = failures[0], failures[-1]
            if first.kind not in self.on and not isinstance(first, Unfit):
                raise
            try:
                reply = await self.stand_in.handle(call)
            except Unfit as refusal:
                call.journal.tell(PassedOver(self.name, refusal.message))
                raise failure from None
            call.journal.tell(FellBack(last.target, self.name, last.kind))
            return reply
