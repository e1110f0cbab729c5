"""Lets another target go on with a stream that broke, where its answer fits what the app has.

the first target         Hello wor X
the next, asked anew     Hello wor|ld, how are you?
      or by a prefill             |ld, how are you?
      or                 Good day       not this one: the one after it is asked
the app is given         Hello wor ld, how are you?

Where nobody can go on, the app is told how the first one failed, as if there had been no other.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf

from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, Resumed, StreamBroke
from proxy.core.failure import Failure
from proxy.core.pact import sdk_timeout_s
from proxy.core.reply import End, Reply, Whole
from proxy.dialects.dialect import Dialect, Seam, Teller
from proxy.dialects.frames import comment
from proxy.resilience.deadline import early
from proxy.resilience.strategy import Strategy


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
        joined = Reply(
            reply.status,
            reply.headers,
            reply.body,
            source=reply.source,
            target=reply.target,
            reason=reply.reason,
            degraded=reply.degraded,
        )
        body = _Joined(self, call, reply, teller, joined)
        joined.body = body
        joined.endings.append(body.ended)
        return joined

    async def rest(self, call: Call, said: str, failures: tuple[Failure, ...]) -> Reply:
        """An answer that begins with what was `said`, or goes on from there. It has to begin before
        the app gives up on it, and not to be compressed: it could not be joined."""
        headers = CIMultiDict(call.headers.items())
        headers["Accept-Encoding"] = "identity"
        sdk_s = sdk_timeout_s(call.headers)
        begin_by = self.clock.now() + (inf if sdk_s is None else early(sdk_s))
        asked = call.but(headers=headers, said=said, begin_by=min(begin_by, call.end_by))
        return await self.inner.after(asked, failures)


class _Joined:
    """The body of an answer of one target, and from a seam on of another.

    The replies that it is made of end on their own, those that broke at once: what they hold, and
    what is held against their targets, is theirs. The last one ends with the reply that the app
    gets (`_joined`).
    """

    __slots__ = (
        "_call",
        "_chunks",
        "_cut",
        "_cut_at",
        "_end",
        "_failures",
        "_joined",
        "_layer",
        "_reply",
        "_seam",
        "_teller",
    )

    def __init__(
        self, layer: Resume, call: Call, reply: Reply, teller: Teller, joined: Reply
    ) -> None:
        self._layer = layer
        self._call = call
        self._teller = teller
        self._joined: Reply | None = joined
        self._reply: Reply | None = reply
        self._chunks = reply.body.__aiter__()
        self._seam: Seam | None = None  # while it is looked for
        self._cut: Failure | None = None  # what the app's stream broke with, while nobody goes on
        self._cut_at = 0  # in the journal, the first time
        self._failures: list[Failure] = []
        self._end = End.LOST

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            reply = self._reply or await self._next()
            try:
                chunk = await self._chunks.__anext__()
            except StopAsyncIteration:
                if self._seam is None:
                    raise
                chunk = self._seam.finish()
            except Failure as failure:
                await self._broke(reply, failure)
                return comment(f"lost {reply.target} ({failure.kind}), looks for the rest")
            else:
                if self._seam is not None:
                    chunk = self._seam.feed(chunk)
            if self._seam is not None:
                if self._seam.diverged:
                    await self._diverged(reply)
                if not chunk:
                    continue
                self._seam = None
                chunk = self._resumed(reply) + chunk
            self._teller.feed(chunk)
            return chunk

    async def _broke(self, reply: Reply, failure: Failure) -> None:
        """Raises `failure` where nobody else can go on."""
        failure.target = failure.target or reply.target
        journal = self._call.journal
        if self._cut is None:
            over = self._layer.clock.now() >= self._call.end_by
            if failure.in_band or over or not self._teller.continuable:
                raise failure
            self._cut, self._cut_at = failure, self._cut_at or len(journal.entries)
        else:
            journal.tell(StreamBroke(failure.target, failure.kind, failure.message))
        self._failures.append(failure)
        reply.broke = failure
        await self._drop(reply, End.BROKEN)

    async def _diverged(self, reply: Reply) -> None:
        cut = self._cut
        assert cut is not None  # else there was nothing to go on with
        self._failures.append(Failure(cut.kind, "its answer is another", target=reply.target))
        journal = self._call.journal
        for at, event in reversed(journal.entries):
            if isinstance(event, AttemptStarted) and event.target == reply.target:
                duration_s = self._layer.clock.now() - at
                journal.tell(AttemptCancelled(event.target, event.number, duration_s))
                break
        await self._drop(reply, End.LOST)

    async def _drop(self, reply: Reply, end: End) -> None:
        self._reply = self._seam = None
        await reply.close(end)

    async def _next(self) -> Reply:
        """Who may go on. Raises what the stream broke with where there is nobody."""
        cut, said = self._cut, self._teller.text
        assert cut is not None
        while True:
            failures = (*self._others(), *self._failures)
            try:
                reply = await self._layer.rest(self._call, said, failures)
            except Failure:
                raise cut from None
            self._reply = reply
            self._chunks = reply.body.__aiter__()
            self._seam = self._layer.dialect.seam(
                self._call.operation, reply.headers, said, continues=reply.continues
            )
            if self._seam is not None:
                return reply
            await self._diverged(reply)

    def _others(self) -> Iterator[Failure]:
        """Who was asked to go on, failed, and left it to somebody else who then could not."""
        for _, event in self._call.journal.entries[self._cut_at :]:
            if isinstance(event, AttemptEnded) and event.kind is not None:
                yield Failure(event.kind, event.message, target=event.target)

    def _resumed(self, reply: Reply) -> bytes:
        cut, self._cut = self._cut, None
        assert cut is not None
        self._call.journal.tell(Resumed(cut.target, reply.target, cut.kind))
        if self._joined is not None:
            self._joined.degraded = f"resumed by {reply.target}"
        return comment(f"resumed target={reply.target}")

    def ended(self, end: End) -> None:
        """An ending of the reply that the app gets."""
        self._end = end
        if self._reply is None or self._joined is None:
            return
        self._reply.broke = self._joined.broke
        endings, self._reply.endings = self._reply.endings, []
        with ExitStack() as stack:  # the last added first, each of them, whatever one raises
            for ending in endings:
                stack.callback(ending, end)

    async def aclose(self) -> None:
        self._joined = None  # it holds this body
        if self._reply is not None:
            await self._reply.close(self._end)
