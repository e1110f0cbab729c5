"""Send: the handler at the end of every branch that leads to a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Upstream
from proxy.upstream.exchange import ask
from proxy.upstream.fields import to_own, to_stranger
from proxy.upstream.origin import Origin
from proxy.upstream.pool import Door, Pool


@dataclass(frozen=True, slots=True)
class Send:
    """Sends a call to one upstream, once, and answers with whatever comes back.

    To the upstream that the app was calling go the app's own headers and credentials; any other
    gets its own `api_key` and no credential of the app.
    """

    upstream: Upstream
    origin: Origin
    origins: Mapping[str, Origin] = field(repr=False)
    dialect: Dialect
    pool: Pool = field(repr=False)
    door: Door = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        path = call.path
        if call.upstream != self.upstream.name:
            path = self.origin.rebase(path, self.origins[call.upstream])
        return await ask(self.pool, self.door, call, path, self._fields(call))

    def _fields(self, call: Call) -> CIMultiDict[str]:
        if call.upstream == self.upstream.name:
            fields = to_own(call, self.origin.authority)
        else:
            key = self.upstream.api_key
            credentials = self.dialect.sign(key.reveal()) if key is not None else ()
            fields = to_stranger(call, self.origin.authority, credentials)
        for name, value in self.upstream.headers.items():
            fields[name] = value
        if call.trace is not None:
            fields["traceparent"] = call.trace.header()
        return fields
