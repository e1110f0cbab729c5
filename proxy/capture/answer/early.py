"""Keeps an app waiting whose stream is held back: a head before its time, then comments.

request ... nothing yet ... head, comment ... comment ... the answer | an error event, and a cut
"""

from asyncio import Transport
from collections.abc import Awaitable, Callable

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.clock import Clock, Timer
from proxy.core.failure import Failure, FailureKind
from proxy.core.pact import sdk_timeout_s
from proxy.core.reply import Reply
from proxy.dialects.coding import Coding, Opener, coding_of
from proxy.dialects.frames import comment
from proxy.engine.marks import ATTEMPTS, DEGRADED, FALLBACK, REQUEST_ID, SOURCE, TARGET, mark
from proxy.upstream.fields import PSEUDONYM, VIA, head

UNTOLD_S = 15.0
"""How long an app is left alone that does not say how long it bears silence."""

MOST_S = 30.0
"""How long any app is: half of what gateways on the way bear that cut after a minute."""

AGAIN_S = 15.0
"""Between two comments, at most."""

_MARKS = (SOURCE, TARGET, ATTEMPTS, FALLBACK, DEGRADED)
_PREFIX = "x-understudy-"

Write = Callable[[bytes], Awaitable[None]]


class Early:
    """Watches over one call for a stream. `begun` says that status and head have gone out: 200,
    events. It costs a timer; a call that is answered in time knows nothing of it.
    """

    __slots__ = ("_again_s", "_call", "_clock", "_comment", "_request", "_timer", "begun")

    def __init__(self, request: BaseRequest, call: Call, waiting: bytes, clock: Clock) -> None:
        sdk_s = sdk_timeout_s(call.headers)
        first_s = UNTOLD_S if sdk_s is None else min(sdk_s / 2, MOST_S)
        self.begun = False
        self._request = request
        self._call = call
        self._comment = waiting
        self._clock = clock
        self._again_s = min(first_s, AGAIN_S)
        self._timer: Timer | None = clock.call_later(first_s, self._ring)

    def stop(self) -> None:
        """The answer is there, or nobody waits for it any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        request = self._request
        transport = request.transport
        if transport is None or transport.is_closing():
            return
        piece = b"%x\r\n%b\r\n" % (len(self._comment), self._comment)
        if not self.begun:
            self.begun = True
            request.writer.enable_chunking()
            self._write(transport, self._head() + piece)
        elif transport.get_write_buffer_size() == 0:  # else it has comments to read already
            self._write(transport, piece)
        self._timer = self._clock.call_later(self._again_s, self._ring)

    def _write(self, transport: Transport, piece: bytes) -> None:
        transport.write(piece)
        self._request.writer.output_size += len(piece)  # so that the server knows

    def _head(self) -> bytes:
        fields = CIMultiDict(
            {
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                REQUEST_ID: self._call.id,
                VIA: PSEUDONYM,
                "Date": rfc822_formatted_time(),
                "Transfer-Encoding": "chunked",
            }
        )
        if not self._request.keep_alive:
            fields["Connection"] = "close"
        return head("HTTP/1.1 200 OK", fields)


def marks(call: Call, reply: Reply) -> bytes:
    """The marks that the head could not have yet, as a comment."""
    fields: CIMultiDict[str] = CIMultiDict()
    mark(fields, call, reply)
    told = ((name.removeprefix(_PREFIX), fields[name]) for name in _MARKS if name in fields)
    return comment(
        " ".join(f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in told)
    )


def onward(reply: Reply, write: Write) -> Write | None:
    """How chunks of `reply` get to an app that was promised events, uncompressed; None where they
    are no such thing."""
    kind = (reply.headers.get("Content-Type") or "").lower()
    if reply.status >= 400 or not kind.startswith("text/event-stream"):
        return None
    coding = coding_of(reply.headers)
    if coding is Coding.OPAQUE:
        return None
    return write if coding is Coding.PLAIN else _Opened(write, Opener(coding))


class _Opened:
    """Writes what compressed chunks open to."""

    __slots__ = ("_opener", "_write")

    def __init__(self, write: Write, opener: Opener) -> None:
        self._write = write
        self._opener = opener

    async def __call__(self, chunk: bytes) -> None:
        """Raises Failure(malformed) where it is broken, or expands beyond bounds."""
        opened = self._opener.feed(chunk)
        if self._opener.shut:
            raise Failure(FailureKind.MALFORMED, "its compressed stream expands beyond bounds")
        if opened:
            await self._write(opened)
