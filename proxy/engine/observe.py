"""The outermost layer: every call is told of from its start to its end, and always answered."""

import asyncio
from dataclasses import dataclass, field

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import Bug, CallEnded, CallStarted
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.journal import Hear
from proxy.core.reply import STOPPING, End, Reply, Source
from proxy.dialects.dialect import Dialect
from proxy.engine.errors import bug_reply, error_reply, stopping_reply

CLIENT_CLOSED = 499
"""The status of an answer that nobody waited for, in logs only (nginx's word for it)."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Answers every call, with an error where `inner` raises; only cancellation gets through."""

    inner: Handler
    route: str
    dialect: Dialect
    clock: Clock
    hear: Hear = field(repr=False)

    async def handle(self, call: Call) -> Reply:
        call.journal.tell(CallStarted(call, self.route))
        account = _Account(call, self.route, self.clock)
        try:
            reply = await self._answer(call, account)
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if cancelled.args != (STOPPING,) or task is None:
                account.abandoned()
                raise
            task.uncancel()
            reply = stopping_reply(call, self.dialect)
            reply.broke = Failure(FailureKind.UNAVAILABLE, STOPPING, sent=False)
        except Exception as error:  # the border: what is no Failure is a bug of ours
            call.journal.tell(Bug(f"route {self.route or call.upstream}", error))
            reply = bug_reply(call, self.dialect)
            reply.broke = Failure(FailureKind.UNAVAILABLE, f"its log says why, under {call.id}")
        account.watch(reply)
        return reply

    async def _answer(self, call: Call, account: "_Account") -> Reply:
        try:
            return await self.inner.handle(call)
        except Failure as failure:
            account.kind = failure.kind
            reply = error_reply(call, failure, self.dialect)
            reply.broke = failure
            return reply


class _Account:
    """Counts what the app gets of one call, and tells its end after every other ending."""

    __slots__ = ("_bytes", "_call", "_clock", "_first_byte_s", "_reply", "_route", "kind")

    def __init__(self, call: Call, route: str, clock: Clock) -> None:
        self._call = call
        self._route = route
        self._clock = clock
        self._bytes = 0
        self._first_byte_s = 0.0
        self._reply: Reply | None = None
        self.kind: FailureKind | None = None

    def watch(self, reply: Reply) -> None:
        self._reply = reply
        self._first_byte_s = self._since_start()
        reply.taps.append(self._count)
        reply.endings.insert(0, self._ended)

    def _count(self, chunk: bytes) -> None:
        self._bytes += len(chunk)

    def _since_start(self) -> float:
        return self._clock.now() - self._call.journal.opened_at

    def abandoned(self) -> None:
        """The app hung up before there was a reply."""
        self._tell(Source.UPSTREAM, self._call.upstream, CLIENT_CLOSED, End.ABANDONED, "")

    def _ended(self, end: End) -> None:
        reply = self._reply
        assert reply is not None  # it is this reply that tells its end
        self._tell(reply.source, reply.target, reply.status, end, reply.degraded)

    def _tell(self, source: Source, target: str, status: int, end: End, degraded: str) -> None:
        call = self._call
        call.journal.tell(
            CallEnded(
                call=call,
                route=self._route,
                source=source,
                target=target,
                status=status,
                end=end,
                fallback=self.kind is None and is_fallback(call, source, target),
                degraded=degraded,
                duration_s=self._since_start(),
                first_byte_s=self._first_byte_s,
                bytes_sent=self._bytes,
                kind=self.kind,
            )
        )


def is_fallback(call: Call, source: Source, target: str) -> bool:
    """Whether somebody else stood in for the upstream that the app was calling."""
    return source is not Source.CACHE and (source is Source.STALE or target != call.upstream)
