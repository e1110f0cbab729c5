"""Holds an answer back until it is worth something, so that its failures can still go elsewhere."""

from dataclasses import dataclass

from proxy.core.call import Call, Operation
from proxy.core.clock import Clock, TimeLimit
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind, Refusal
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.core.reply import End, Reply, Whole
from proxy.dialects.coding import Coding, coding_of
from proxy.dialects.dialect import Dialect, StreamReader
from proxy.policy.schema import Timeout
from proxy.resilience.deadline import kept_alive, left_s, time_is_up
from proxy.resilience.stream.patience import PatientBody

HELD_BYTES = 4 * 2**20
"""How much of a plain answer is held to be judged whole; a longer one goes out as it comes."""

_STREAMED = (Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES)
_SWITCHED = 101
_NO_ANSWER = frozenset((FailureKind.BROKEN_STREAM, FailureKind.MALFORMED))


@dataclass(frozen=True, slots=True)
class FirstByte:
    """Returns a reply whose first useful chunk is at hand, or raises the Failure before it.

    An error answer becomes a Failure with the provider's own words kept. A plain answer is held
    whole (up to `HELD_BYTES`), a stream until the dialect's reader calls a chunk useful. From then
    on the body keeps its own patience: `timeout.idle` and `timeout.total`. The limits of the whole
    call hold for both; what is cut short by them says nothing of the target. An upgrade has its
    answer when it has its 101: what the two say then is no answer any more, and has no limits here.
    """

    inner: Handler
    target: str
    dialect: Dialect
    timeout: Timeout
    clock: Clock

    async def handle(self, call: Call) -> Reply:
        ends_at = self.clock.now() + self.timeout.total
        limit_s = self.timeout.total
        if call.stream:
            limit_s = min(self.timeout.first_byte, limit_s)
        wanted = "useful chunk" if call.stream else "whole answer"
        call_s = left_s(call, self.clock)
        if call_s <= 0.0:
            raise time_is_up("it was asked", self.target, sent=False)
        try:
            async with TimeLimit(self.clock, min(limit_s, call_s)):
                reply = await self.inner.handle(call)
                if reply.status == _SWITCHED:
                    return reply
                try:
                    await self._hold(call, reply, ends_at)
                except BaseException:
                    await reply.close(End.LOST)
                    raise
                return reply
        except TimeoutError:
            if call_s <= limit_s:
                raise time_is_up(f"it gave a {wanted}", self.target, sent=True) from None
            kind = FailureKind.TIMEOUT_FIRST_BYTE if call.stream else FailureKind.TIMEOUT_TOTAL
            raise Failure(kind, f"no {wanted} within {limit_s:g} s", target=self.target) from None

    async def _hold(self, call: Call, reply: Reply, ends_at: float) -> None:
        """Hold what is to be held, and put it in front of the rest. Raises the answer's Failure."""
        reader = None
        if reply.status < 400 and call.operation is Operation.OTHER:
            held, more = b"", True  # nobody knows what is useful in it
        elif reply.status < 400 and (
            reader := self.dialect.reader(call.operation, reply.headers, call.stream)
        ):
            held, more = await self._until_useful(reply, reader), True
            reply.endings.append(_Usage(call.journal, reader, self.target))
        else:
            held, more = await self._read(reply, HELD_BYTES)
            if not more:
                self._judge(call, reply, held)
                self._want_a_stream(call, reply, held)
            elif reply.status >= 400:  # nobody can be told all of it: its status has to do
                raise self._too_large(reply)
        if more:
            body = reply.body = PatientBody(
                held,
                reply.body,
                self.clock,
                self.timeout,
                max(0.0, ends_at - self.clock.now()),
                self.target,
                reader,
                thinks=not held and not call.stream,
                end_by=call.end_by,
            )
            reply.over = body.over
        else:
            await reply.body.aclose()
            reply.body = Whole(held)

    def _want_a_stream(self, call: Call, reply: Reply, held: bytes) -> None:
        """Raises where events were asked for and a good answer came in one piece: SDKs make nothing
        of it. Nothing is held against the target, and where nobody else can, it has to do."""
        events = call.operation in _STREAMED and kept_alive(call, self.dialect)
        if events and reply.status < 300 and held.lstrip()[:1] == b"{":
            text = "it answered a request for a stream in one piece"
            refusal = Refusal(reply.status, reply.headers, held, reply.reason)
            raise Failure(
                FailureKind.MALFORMED,
                text,
                target=self.target,
                status=reply.status,
                refusal=refusal,
                blameless=True,
            )

    def _too_large(self, reply: Reply) -> Failure:
        text = f"it answered {reply.status} with more than {HELD_BYTES >> 20} MiB"
        kind = FailureKind.UNAVAILABLE if reply.status >= 500 else FailureKind.MALFORMED
        return Failure(kind, text, target=self.target, status=reply.status)

    def _judge(self, call: Call, reply: Reply, held: bytes) -> None:
        judged = self.dialect.judge(
            call.operation, reply.status, reply.headers, held, self.clock.wall()
        )
        if isinstance(judged, Failure):
            judged.target = self.target
            if not _seems_whole(reply, judged):
                judged.refusal = Refusal(reply.status, reply.headers, held, reply.reason)
            raise judged
        if judged is not None:
            call.journal.tell(_used_by(self.target, judged))

    async def _read(self, reply: Reply, most: int) -> tuple[bytes, bool]:
        """The body, and whether there is more of it than `most` bytes."""
        if isinstance(reply.body, Whole):
            return reply.body.content, False
        chunks: list[bytes] = []
        size = 0
        async for chunk in reply.body:
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                return b"".join(chunks), True
        return b"".join(chunks), False

    async def _until_useful(self, reply: Reply, reader: StreamReader) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in reply.body:
            chunks.append(chunk)
            size += len(chunk)
            reader.feed(chunk)
            if reader.failure is not None:
                raise self._from_stream(reader.failure, reply, b"".join(chunks))
            if reader.useful:
                return b"".join(chunks)
            if size > HELD_BYTES:
                text = f"it sent {size} bytes of a stream and nothing useful"
                raise Failure(FailureKind.MALFORMED, text, target=self.target)
        failure = reader.finish() or Failure(
            FailureKind.BROKEN_STREAM, "the stream ended before it said anything"
        )
        raise self._from_stream(failure, reply, b"".join(chunks))

    def _from_stream(self, failure: Failure, reply: Reply, held: bytes) -> Failure:
        failure.target = self.target
        if not _seems_whole(reply, failure):
            failure.refusal = Refusal(reply.status, reply.headers, held, reply.reason)
        return failure


@dataclass(frozen=True, slots=True)
class _Usage:
    """An ending: tells what a stream used, which its last events say."""

    journal: Journal
    reader: StreamReader
    target: str

    def __call__(self, end: End) -> None:
        if self.reader.usage is not None:
            self.journal.tell(_used_by(self.target, self.reader.usage))


def _used_by(target: str, used: UsageSeen) -> UsageSeen:
    return UsageSeen(used.input_tokens, used.output_tokens, target)


def _seems_whole(reply: Reply, failure: Failure) -> bool:
    """Whether what was held of a failed answer is a part that would pass for the whole of one. A
    redirection says what it is, and what does not open as its header says cannot be misread."""
    cut = failure.kind in _NO_ANSWER and not failure.blameless
    return cut and reply.status < 300 and coding_of(reply.headers) is Coding.PLAIN
