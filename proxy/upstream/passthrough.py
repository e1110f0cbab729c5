"""Passthrough: requests to hosts of no upstream, sent on as they are."""

from dataclasses import dataclass, field

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import PASSTHROUGH, AttemptEnded, AttemptStarted
from proxy.core.failure import Failure
from proxy.core.reply import Reply
from proxy.upstream.address import Forbidden, check
from proxy.upstream.errors import forbidden
from proxy.upstream.exchange import ask
from proxy.upstream.fields import to_own
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Pool

CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Passthrough:
    """Sends a call to the host that it names. `Call.upstream` is that host's authority.

    Raises Failure(bad_request, status 403) for an address that nobody may reach this way.
    """

    pool: Pool = field(repr=False)
    clock: Clock = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        origin = Origin.of(f"http://{call.upstream}")
        try:
            check(origin.host)
        except Forbidden as error:
            raise forbidden(error, call.upstream) from error
        door = self.pool.door(origin, call.upstream, CONNECT_S)
        journal, started = call.journal, self.clock.now()
        journal.tell(AttemptStarted(PASSTHROUGH, 1, None, 0))
        try:
            reply = await ask(self.pool, door, call, call.path, to_own(call, origin.authority))
        except Failure as failure:
            took_s = self.clock.now() - started
            journal.tell(
                AttemptEnded(PASSTHROUGH, 1, took_s, failure.status, failure.kind, failure.message)
            )
            raise
        journal.tell(AttemptEnded(PASSTHROUGH, 1, self.clock.now() - started, reply.status))
        return reply
