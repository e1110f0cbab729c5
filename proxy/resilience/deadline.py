"""How long the whole call may take, over all attempts and targets."""

from dataclasses import dataclass
from math import inf

from proxy.core.call import Call, Operation
from proxy.core.clock import Clock
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.pact import app_timeout_s, sdk_timeout_s
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect

EARLY = 0.05
"""Of the app's own patience: by so much we give up before it does, so that it gets our error, with
what was tried and why, rather than a timeout of its own."""

EARLY_MOST_S = 2.0
"""And by no more than this: telling an error over a network takes no longer."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Says to all that is within until when the answer has to begin and to be whole.

    That is the smallest of `total_s` (the route's), what the app gives the whole call, and the
    silence that its SDK bears; the last counts until the answer begins, and for no stream that can
    be kept alive meanwhile. It waits for nothing itself: who does looks at the call's limits, so
    that there is still time for a stand-in.
    """

    inner: Handler
    total_s: float | None
    dialect: Dialect
    clock: Clock

    async def handle(self, call: Call) -> Reply:
        end_s = inf if self.total_s is None else self.total_s
        if (app_s := app_timeout_s(call.headers)) is not None:
            end_s = min(end_s, early(app_s))
        begin_s = end_s
        kept = kept_alive(call, self.dialect)
        if not kept and (sdk_s := sdk_timeout_s(call.headers)) is not None:
            begin_s = min(begin_s, early(sdk_s))
        if begin_s == inf:
            return await self.inner.handle(call)
        now = self.clock.now()
        return await self.inner.handle(call.but(begin_by=now + begin_s, end_by=now + end_s))


def kept_alive(call: Call, dialect: Dialect) -> bool:
    """Whether the app can be told to go on waiting for this stream: it is known to be events."""
    streams = call.stream and call.chunks and call.operation is not Operation.OTHER
    return streams and bool(dialect.comment)


def early(patience_s: float) -> float:
    """How long to wait at most for who gives up after `patience_s`."""
    return patience_s - min(patience_s * EARLY, EARLY_MOST_S)


def left_s(call: Call, clock: Clock) -> float:
    """Seconds by which the answer has to begin; inf where nothing was said of it."""
    until = min(call.begin_by, call.end_by)
    return until if until == inf else until - clock.now()


def time_is_up(waited_for: str, target: str, *, sent: bool) -> Failure:
    """What failed is the whole call: nothing is held against the target that was just waited
    for."""
    return Failure(
        FailureKind.TIMEOUT_TOTAL,
        f"the time for the whole call was up before {waited_for}",
        target=target,
        sent=sent,
        blameless=True,
    )
