"""Lets another target go on with a stream that broke, where its answer fits what the app has.

the first target         Hello wor X
the next, asked anew     Hello wor|ld, how are you?
      or by a prefill             |ld, how are you?
      or                 Good day       not this one: the one after it is asked
the app is given         Hello wor ld, how are you?

Where nobody can go on, the app is told how the first one failed, as if there had been no other.
"""

from dataclasses import dataclass
from math import inf

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.failure import Failure
from proxy.core.pact import sdk_timeout_s
from proxy.core.reply import Reply, Whole
from proxy.dialects.dialect import Dialect
from proxy.resilience.choice.strategy import Strategy
from proxy.resilience.deadline import early
from proxy.resilience.stream.joined import Joined


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a stream of text breaks, the strategy's next targets are asked for the rest of it.

    Nothing but text is continued, and nothing that may not be asked twice. The seam can be seen:
    in a comment of the stream, in `Reply.degraded`, and in the event Resumed.
    """

    inner: Strategy
    dialect: Dialect
    clock: Clock

    async def handle(self, call: Call) -> Reply:
        reply = await self.inner.handle(call)
        if not call.stream or not call.repeatable or isinstance(reply.body, Whole):
            return reply
        teller = self.dialect.teller(call.operation, reply.headers)
        if teller is None:
            return reply
        body = Joined(call, reply, teller, self._rest, self.dialect, self.clock)
        return body.joined()

    async def _rest(self, call: Call, said: str, failures: tuple[Failure, ...]) -> Reply:
        """An answer that begins with what was `said`, or goes on from there. It has to begin before
        the app gives up on it, and not to be compressed: it could not be joined."""
        headers = CIMultiDict(call.headers.items())
        headers["Accept-Encoding"] = "identity"
        sdk_s = sdk_timeout_s(call.headers)
        begin_by = self.clock.now() + (inf if sdk_s is None else early(sdk_s))
        asked = call.but(headers=headers, said=said, begin_by=min(begin_by, call.end_by))
        return await self.inner.after(asked, failures)
