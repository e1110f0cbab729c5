"""The layer that answers from the store, and fills it.

store has it, fresh  ------------------------------------------->  cache
else: inner answers  -- first choice, 200 --> collected, kept when it ends whole
                     -- anything else ------> passed on as it is
      inner fails    -- store has it, old, and the failure is one of reach ------>  stale
                     -- else -------------------------------------------------->  the failure
"""

from dataclasses import dataclass, field
from functools import partial

from multidict import CIMultiDict

from proxy.cache.entry import Entry
from proxy.cache.fields import directives, forward_status, hit_status, kept_fields, wishes_in
from proxy.cache.intake import Intake, was_joined, worth_keeping
from proxy.cache.key import exact_key
from proxy.cache.store import Store
from proxy.core.call import Call, Operation
from proxy.core.clock import Clock
from proxy.core.event import CacheLooked, CacheOutcome
from proxy.core.failure import Exhausted, Failure
from proxy.core.handler import Handler
from proxy.core.headers import Headers
from proxy.core.reply import Reply, Source, Whole
from proxy.dialects.dialect import Dialect

_KEPT = (Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS)


@dataclass(frozen=True, slots=True)
class Cached:
    """Answers a call from the store where it was asked before, not longer than `ttl_s` ago.

    For `stale_if_error_s` more, a kept answer stands in when `inner` fails for want of reach (the
    kinds whose traits say `stale`), marked as degraded. Of the request's `Cache-Control`, two
    wishes are honoured: `no-store` (neither read nor kept) and `no-cache` (not read, not even
    stale). `plan` names all that the route changes on the way: answers of one plan are never
    given to another.
    """

    inner: Handler
    ttl_s: float
    stale_if_error_s: float
    plan: str = field(repr=False)
    store: Store = field(repr=False)
    dialect: Dialect = field(repr=False)
    clock: Clock = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        """The kept answer, or inner's; raises what inner raises where nothing kept may stand in."""
        if call.method != "POST" or call.operation not in _KEPT or call.rest is not None:
            return await self._past(call, "bypass")
        wishes = wishes_in(call.headers)
        if "no-store" in wishes:
            return await self._past(call, "request")
        key = exact_key(call, self.dialect.credential_headers, self.plan)
        entry = None
        if "no-cache" not in wishes:
            entry = await self.store.get(key)
            if entry is not None and (age_s := entry.age_s(self.clock.wall())) < self.ttl_s:
                call.journal.tell(CacheLooked(CacheOutcome.HIT, age_s))
                return self._replay(entry, age_s, Source.CACHE)
            call.journal.tell(CacheLooked(CacheOutcome.MISS))
        else:
            call.journal.tell(CacheLooked(CacheOutcome.BYPASSED))
        try:
            reply = await self.inner.handle(call)
        except Failure as failure:
            if entry is None or not self._may_stand_in(entry, failure):
                raise
            age_s = entry.age_s(self.clock.wall())
            call.journal.tell(CacheLooked(CacheOutcome.STALE, age_s))
            return self._replay(entry, age_s, Source.STALE)
        if worth_keeping(call, reply):
            self._collect(key, call, reply)
        why = "request" if "no-cache" in wishes else "uri-miss" if entry is None else "stale"
        reply.headers = _marked(reply.headers, why)
        return reply

    async def _past(self, call: Call, why: str) -> Reply:
        call.journal.tell(CacheLooked(CacheOutcome.BYPASSED))
        reply = await self.inner.handle(call)
        reply.headers = _marked(reply.headers, why)
        return reply

    def _may_stand_in(self, entry: Entry, failure: Failure) -> bool:
        first = failure.failures[0] if isinstance(failure, Exhausted) else failure
        return (
            first.traits.stale
            and entry.age_s(self.clock.wall()) < self.ttl_s + self.stale_if_error_s
            and not _must_be_asked_again(entry)
        )

    def _replay(self, entry: Entry, age_s: float, source: Source) -> Reply:
        headers = CIMultiDict(entry.headers)
        headers.add("Age", str(int(age_s)))
        headers.add("Cache-Status", hit_status(self.ttl_s - age_s))
        return Reply(
            entry.status,
            headers,
            Whole(entry.body),
            source=source,
            target=entry.target,
            degraded=f"stale answer, {int(age_s)} s old" if source is Source.STALE else "",
        )

    def _collect(self, key: bytes, call: Call, reply: Reply) -> None:
        received_at = self.clock.wall()
        keep = partial(self._keep, key, call, reply.headers, reply.target, received_at)
        intake = Intake(self.store.entry_limit_bytes, keep)
        reply.taps.append(intake.tap)
        reply.endings.append(intake.end)

    def _keep(
        self,
        key: bytes,
        call: Call,
        headers: Headers,
        target: str,
        received_at: float,
        body: bytes,
    ) -> None:
        streamed = self.dialect.reader(call.operation, headers, call.stream) is not None
        if not self.dialect.whole(call.operation, headers, body, streamed) or was_joined(call):
            return
        entry = Entry(
            status=200,
            headers=kept_fields(headers, received_at, len(body)),
            body=body,
            target=target,
            stored_at=received_at,
            keep_until=received_at + self.ttl_s + self.stale_if_error_s,
        )
        if self.store.put(key, entry):
            call.journal.tell(CacheLooked(CacheOutcome.STORED))


def _must_be_asked_again(entry: Entry) -> bool:
    """Whether the provider forbade using the answer past its time (RFC 9111 4.2.4)."""
    told = (value for name, value in entry.headers if name.lower() == "cache-control")
    return not directives(told).isdisjoint(("must-revalidate", "proxy-revalidate"))


def _marked(headers: Headers, why: str) -> Headers:
    """A copy of `headers` with our line of Cache-Status after those of caches nearer the source."""
    marked = CIMultiDict(headers.items())
    marked.add("Cache-Status", forward_status(why))
    return marked
