"""Holds a stream back until it is whole, so that even its last event can fail elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from proxy.core.call import Call
from proxy.core.event import StreamBroke
from proxy.core.failure import Failure, Refusal
from proxy.core.handler import Handler
from proxy.core.reply import Body, End, Reply, Whole

HELD_BYTES = 16 * 2**20
"""Of one stream: a hundred times what the longest text takes. One that is longer goes out as it
comes from there on, and can break like any other."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A stream is read to its end before the app gets any of it: what breaks on the way, a
    provider's own error event too, is a Failure like one before the first chunk."""

    inner: Handler

    async def handle(self, call: Call) -> Reply:
        if call.stream and call.begin_by < call.end_by:
            call = call.but(end_by=call.begin_by)  # for the app it begins when it is whole
        reply = await self.inner.handle(call)
        if not call.stream or isinstance(reply.body, Whole):
            return reply
        try:
            await self._read(reply)
        except Failure as failure:
            failure.in_band = False  # the app has none of it
            if failure.refusal is not None:
                told = failure.refusal.body
                failure.refusal = Refusal(reply.status, reply.headers, told, reply.reason)
            call.journal.tell(StreamBroke(reply.target, failure.kind, failure.message))
            reply.broke = failure
            await reply.close(End.BROKEN)
            raise
        except BaseException:
            await reply.close(End.LOST)
            raise
        return reply

    async def _read(self, reply: Reply) -> None:
        body = reply.body
        chunks: list[bytes] = []
        size = 0
        async for chunk in body:
            chunks.append(chunk)
            size += len(chunk)
            if size > HELD_BYTES:
                reply.body = _Ahead(b"".join(chunks), body)
                return
        await body.aclose()
        reply.body = Whole(b"".join(chunks))


class _Ahead:
    """What was held back, and then the rest as it comes."""

    __slots__ = ("_held", "_rest", "_words")

    def __init__(self, held: bytes, rest: Body) -> None:
        self._held = held
        self._rest = rest
        self._words = rest.__aiter__()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        held, self._held = self._held, b""
        return held or await self._words.__anext__()

    async def aclose(self) -> None:
        self._held = b""
        await self._rest.aclose()
