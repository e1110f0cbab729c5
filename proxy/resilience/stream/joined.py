"""An answer of one target, and from a seam on of another. See `resume` for how it looks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack

from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, Resumed, StreamBroke
from proxy.core.failure import Failure
from proxy.core.reply import End, Reply
from proxy.dialects.dialect import Dialect, Seam, Teller
from proxy.dialects.frames import comment

Rest = Callable[[Call, str, tuple[Failure, ...]], Awaitable[Reply]]
"""Asks somebody else for the rest: of which call, what was said of it, and who has failed."""


class Joined:
    """The body of an answer of one target, and from a seam on of another.

    The replies that it is made of end on their own, those that broke at once: what they hold, and
    what is held against their targets, is theirs. The last one ends with the reply that the app
    gets (`joined`).
    """

    __slots__ = (
        "_call",
        "_chunks",
        "_clock",
        "_cut",
        "_cut_at",
        "_dialect",
        "_end",
        "_failures",
        "_joined",
        "_reply",
        "_rest",
        "_seam",
        "_teller",
    )

    def __init__(
        self, call: Call, reply: Reply, teller: Teller, rest: Rest, dialect: Dialect, clock: Clock
    ) -> None:
        self._rest = rest
        self._dialect = dialect
        self._clock = clock
        self._call = call
        self._teller = teller
        self._joined: Reply | None = None
        self._reply: Reply | None = reply
        self._chunks = reply.body.__aiter__()
        self._seam: Seam | None = None  # while it is looked for
        self._cut: Failure | None = None  # what the app's stream broke with, while nobody goes on
        self._cut_at = 0  # in the journal, the first time
        self._failures: list[Failure] = []
        self._end = End.LOST

    def joined(self) -> Reply:
        """The reply that the app gets: it begins as the first, and this is its body."""
        first = self._reply
        assert first is not None  # it is asked for once, before anything is read
        self._joined = Reply(
            first.status,
            first.headers,
            self,
            source=first.source,
            target=first.target,
            reason=first.reason,
            degraded=first.degraded,
        )
        self._joined.over = self._over
        self._joined.endings.append(self._ended)
        return self._joined

    def _over(self) -> bool:
        return self._reply is not None and self._seam is None and self._reply.over()

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
            over = self._clock.now() >= self._call.end_by
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
                duration_s = self._clock.now() - at
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
                reply = await self._rest(self._call, said, failures)
            except Failure:
                raise cut from None
            self._reply = reply
            self._chunks = reply.body.__aiter__()
            self._seam = self._dialect.seam(
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

    def _ended(self, end: End) -> None:
        """An ending of the reply that the app gets."""
        self._end = end
        if self._cut is not None and end is not End.BROKEN:  # it went while the rest was looked for
            cut = self._cut
            self._call.journal.tell(StreamBroke(cut.target, cut.kind, cut.message))
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
