"""Adapt: the app's call made into one that a certain target can serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Call
from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.core.handler import Handler
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Upstream

_REFUSALS = frozenset((FailureKind.BAD_REQUEST, FailureKind.CONTEXT_LENGTH))
"""Of a prefill. What was said so far may be what makes it too long."""


@dataclass(frozen=True, slots=True)
class Adapt:
    """Passes the call on under the target's model name and settings; same bytes if nothing changes,
    and where there is no body that could (a GET of the models).

    A target that takes a prefill is handed what the app has of a broken answer (`Call.said`), to go
    on from there; where it refuses that, it is asked like any other, and nobody hears of it.

    Raises Unfit where the target cannot serve the call: another dialect, a key that is not set, or
    an upgrade to what is not HTTP, which is between the app and the upstream that it was calling.
    """

    inner: Handler
    upstream: Upstream
    dialect: Dialect
    model: str | None
    changes: Mapping[str, Any]

    def sends(self, model: str | None) -> str | None:
        """The name under which this target is asked for `model`."""
        return self.model or self.upstream.models.get(model or "", model)

    async def handle(self, call: Call) -> Reply:
        name = self.upstream.name
        if call.upstream != name:
            if call.upgrade:
                text = f"no other upstream goes on with {call.upgrade} where this one would"
                raise Unfit(text, target=name)
            if self.upstream.missing_key:
                raise Unfit(
                    f"it has no key: {self.upstream.missing_key} is not set",
                    target=name,
                    kind=FailureKind.UNAVAILABLE,
                )
            if call.dialect != self.dialect.name:
                raise Unfit(f"it speaks {self.dialect.name}, the app {call.dialect}", target=name)
        model = self.sends(call.model)
        if call.body and (model != call.model or self.changes):
            if call.rest is not None:
                raise Unfit("the request is too large to be rewritten for it", target=name)
            path, body = call.path, self.dialect.rewrite(call.body, model, self.changes)
            if model is not None and model != call.model:
                path = self.dialect.readdress(path, model)
            call = call.but(path=path, body=body, model=model)
        if call.said and self.upstream.prefill:
            reply = await self._continued(call)
            if reply is not None:
                return reply
        return await self.inner.handle(call)

    async def _continued(self, call: Call) -> Reply | None:
        """The rest of an answer that has begun; None where that is no question for this target."""
        body = self.dialect.prefilled(call.operation, call.body, call.said)
        if body is None:
            return None
        try:
            reply = await self.inner.handle(call.but(body=body))
        except Failure as failure:
            if failure.kind in _REFUSALS:
                return None
            raise
        reply.continues = True
        return reply
