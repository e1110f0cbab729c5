"""Adapt: the app's call made into one that a certain target can serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Call
from proxy.core.failure import FailureKind, Unfit
from proxy.core.handler import Handler
from proxy.core.reply import Reply
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Upstream


@dataclass(frozen=True, slots=True)
class Adapt:
    """Passes the call on under the target's model name and settings; same bytes if nothing changes.

    Raises Unfit where the target cannot serve the call: another dialect, or a key that is not set.
    """

    inner: Handler
    upstream: Upstream
    dialect: Dialect
    model: str | None
    changes: Mapping[str, Any]

    async def handle(self, call: Call) -> Reply:
        name = self.upstream.name
        if call.upstream != name:
            if self.upstream.missing_key:
                raise Unfit(
                    f"it has no key: {self.upstream.missing_key} is not set",
                    target=name,
                    kind=FailureKind.UNAVAILABLE,
                )
            if call.dialect != self.dialect.name:
                raise Unfit(f"it speaks {self.dialect.name}, the app {call.dialect}", target=name)
        model = self.model or self.upstream.models.get(call.model or "", call.model)
        if model == call.model and not self.changes:
            return await self.inner.handle(call)
        if call.rest is not None:
            raise Unfit("the request is too large to be rewritten for it", target=name)
        body = self.dialect.rewrite(call.body, model, self.changes)
        return await self.inner.handle(call.but(body=body, model=model))
