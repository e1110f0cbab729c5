"""Send: the handler at the end of every branch that leads to a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidict import CIMultiDict, istr

from proxy.core.call import Call
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Upstream
from proxy.upstream.exchange import ask
from proxy.upstream.fields import to_own, to_stranger
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Door, Pool
from proxy.upstream.via import Signature

_SET_COOKIE = istr("Set-Cookie")


@dataclass(frozen=True, slots=True)
class Send:
    """Sends a call to one upstream, once, and answers with whatever comes back.

    To the upstream that the app was calling go the app's own headers and credentials; any other
    gets its own `api_key` and no credential of the app, and its cookies stay here: the app would
    bring them to the one that it was calling.
    """

    upstream: Upstream
    origin: Origin
    origins: Mapping[str, Origin] = field(repr=False)
    dialect: Dialect
    pool: Pool = field(repr=False)
    door: Door = field(repr=False)
    via: Signature = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        if call.upstream == self.upstream.name:
            return await ask(self.pool, self.door, call, call.path, self._fields(call))
        path = self.origin.rebase(call.path, self.origins[call.upstream])
        own = call.but(interim=None)  # hints of another upstream than the app's are no use to it
        reply = await ask(self.pool, self.door, own, path, self._fields(call))
        if _SET_COOKIE in reply.headers:
            kept = CIMultiDict(reply.headers.items())
            del kept[_SET_COOKIE]
            reply.headers = kept
        return reply

    def _fields(self, call: Call) -> CIMultiDict[str]:
        if call.upstream == self.upstream.name:
            fields = to_own(call, self.origin.authority, self.via)
        else:
            key = self.upstream.api_key
            credentials = self.dialect.sign(key.reveal()) if key is not None else ()
            fields = to_stranger(call, self.origin.authority, credentials, self.via)
        for name, value in self.upstream.headers.items():
            fields[name] = value
        if call.trace is not None:
            fields["traceparent"] = call.trace.header()
        return fields
