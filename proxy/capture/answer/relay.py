"""Carries a reply to the app: the one pump of the program.

For each chunk: the taps see it, the app gets it, and the provider waits while the app is slow.
However it ends, everyone is told how, and an answer that was cut never looks whole.
"""

import asyncio
import socket
from contextlib import suppress
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import BaseRequest
from multidict import CIMultiDict, istr

from proxy.capture.answer.early import Early, Write, marks, onward
from proxy.capture.tunnels.switch import drop_tail, switch
from proxy.capture.tunnels.tunnel import RESET_AT_CLOSE
from proxy.core.call import Call
from proxy.core.clock import Clock
from proxy.core.event import StreamBroke
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import STOPPING, End, Reply, Whole
from proxy.dialects.dialect import Dialect
from proxy.engine.marks import mark
from proxy.upstream.fields import CONNECTION, PSEUDONYM, UPGRADE, VIA, head, without_hop_by_hop
from proxy.upstream.switched import Switched

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_NO_CONTENT = frozenset((204, 304))
_CONTENT_LENGTH, _DATE = istr("Content-Length"), istr("Date")


async def relay(
    request: BaseRequest,
    call: Call,
    reply: Reply,
    dialect: Dialect,
    early: Early | None = None,
    *,
    last: bool,
    clock: Clock,
) -> bool:
    """Send `reply`, and close it. Returns whether the connection can serve another request.

    `last` says so to the app where the proxy is about to stop. A cancellation with `STOPPING` as
    its word ends a stream with an error that the app can see; any other is the app's hang-up.
    """
    end, gone = End.LOST, False
    begun = early is not None and early.begun
    try:
        if begun:
            end = await _go_on(request, call, reply, dialect)
        else:
            end = await _send(request, call, reply, dialect, last, clock)
    except ConnectionError:
        end, gone = _left(reply), True
    except asyncio.CancelledError as cancelled:
        end, gone = _left(reply), True
        if cancelled.args == (STOPPING,):
            end = End.LOST
            if begun or _takes_events(reply):
                await _break(request, dialect.error_event(FailureKind.NETWORK, STOPPING))
        raise
    finally:
        if gone or end is not End.COMPLETE:
            _cut(request)
        if call.upgrade:
            drop_tail(request)
        await reply.close(end)
    if gone or last or call.upgrade:  # an app that wanted another protocol may have begun with it
        return False
    return end is End.COMPLETE and request.keep_alive


def _left(reply: Reply) -> End:
    """How it ended for an app that has gone. SDKs go when they have a stream's own end, and have
    all of it then."""
    has_all = reply.over() and not isinstance(reply.body, Whole)
    return End.COMPLETE if has_all else End.ABANDONED


def stop(task: asyncio.Task[object]) -> None:
    """End a relay that runs in `task`: the app is told, within the stream, that it was cut."""
    task.cancel(STOPPING)


async def _send(
    request: BaseRequest, call: Call, reply: Reply, dialect: Dialect, last: bool, clock: Clock
) -> End:
    fields = without_hop_by_hop(reply.headers)
    mark(fields, call, reply)
    fields.add(VIA, PSEUDONYM)
    if _DATE not in fields:
        fields[_DATE] = rfc822_formatted_time()
    switched = reply.body if isinstance(reply.body, Switched) else None
    if switched is not None:
        fields[CONNECTION], fields[UPGRADE] = UPGRADE, call.upgrade
        fields.popall(_CONTENT_LENGTH, None)  # RFC 9110 8.6, as below
    elif last or call.upgrade or not request.keep_alive:
        fields["Connection"] = "close"
    elif request.version < (1, 1):
        fields["Connection"] = "keep-alive"
    first_line = f"HTTP/1.1 {reply.status} {reply.reason or _PHRASES.get(reply.status, 'Unknown')}"
    if switched is not None:
        return await switch(request, call, reply, switched, head(first_line, fields), clock)
    body = reply.body
    if request.method == "HEAD" or reply.status in _NO_CONTENT:
        if reply.status == 204:
            fields.popall(_CONTENT_LENGTH, None)  # RFC 9110 8.6, whoever has put it there
        _transport(request).write(head(first_line, fields))
    elif isinstance(body, Whole):
        content = body.content
        fields[_CONTENT_LENGTH] = str(len(content))
        for tap in reply.taps:
            tap(content)
        _transport(request).write(head(first_line, fields) + content)
        await request.writer.drain()
    else:
        framed = _frame(request, reply, fields)
        _transport(request).write(head(first_line, fields))
        events = _takes_events(reply)
        end = await _pump(request, call, reply, dialect, request.writer.write, events)
        if end is End.COMPLETE and not framed:
            request.protocol.force_close()
        return end
    return End.COMPLETE


async def _go_on(request: BaseRequest, call: Call, reply: Reply, dialect: Dialect) -> End:
    """Send `reply` to an app that was kept waiting: status and head have gone out, and promised
    events. What is none ends as an error among them."""
    write = onward(reply, request.writer.write)
    await request.writer.write(marks(call, reply))
    if write is None:
        await _break(request, _told_late(reply, dialect))
        return End.BROKEN
    return await _pump(request, call, reply, dialect, write, events=True)


def _told_late(reply: Reply, dialect: Dialect) -> bytes:
    """An error whose status can no longer be told, as an event: whole, where it is JSON."""
    if reply.status >= 400 and isinstance(reply.body, Whole):
        error = reply.body.content.strip()
        if error.startswith(b"{") and b"\n" not in error and b"\r" not in error:
            return dialect.error_in_stream(error)
    failure = reply.broke or Failure(FailureKind.MALFORMED, "the answer is no stream of events")
    return dialect.error_event(failure.kind, failure.message)


def _cut(request: BaseRequest) -> None:
    """End the connection in the middle of an answer. HTTP/1.0 knows an answer's end by the
    connection's: nothing but a reset tells such an app that this was none."""
    transport = request.transport
    if request.version < (1, 1) and transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    request.protocol.force_close()


def _transport(request: BaseRequest) -> asyncio.Transport:
    """Raises ConnectionError where the app has gone."""
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionError("the app has gone")
    return transport


def _frame(request: BaseRequest, reply: Reply, fields: CIMultiDict[str]) -> bool:
    """Choose how the app knows the body's end: its length, chunks, or (HTTP/1.0) the connection's
    end. Returns whether it can tell a cut from the end."""
    if _is_events(reply):
        fields.popall(_CONTENT_LENGTH, None)  # all of it may come, and lack the stream's own end
    elif _CONTENT_LENGTH in fields:
        return True
    if request.version >= (1, 1):
        fields["Transfer-Encoding"] = "chunked"
        request.writer.enable_chunking()
        return True
    fields["Connection"] = "close"
    return False


async def _pump(
    request: BaseRequest, call: Call, reply: Reply, dialect: Dialect, write: Write, events: bool
) -> End:
    taps = reply.taps
    try:
        async for chunk in reply.body:
            for tap in taps:
                tap(chunk)
            await write(chunk)
    except Failure as failure:
        reply.broke = failure
        target = failure.target or reply.target
        call.journal.tell(StreamBroke(target, failure.kind, failure.message))
        if events and not failure.in_band:
            told = failure.refusal  # the provider's own words, where it has some
            event = told.body if told else dialect.error_event(failure.kind, failure.message)
            await _break(request, event)
        return End.BROKEN
    await request.writer.write_eof()
    return End.COMPLETE


async def _break(request: BaseRequest, event: bytes) -> None:
    """End a stream of events that was begun with one that says why."""
    transport = request.transport
    if transport is not None and not transport.is_closing():
        with suppress(ConnectionError):  # the app has gone too: it needs no telling
            await request.writer.write(event)


def _takes_events(reply: Reply) -> bool:
    """Whether an event can be added to the reply: not where its length is promised or its bytes
    are compressed."""
    plain = "Content-Encoding" not in reply.headers
    return plain and _is_events(reply) and not isinstance(reply.body, Whole)


def _is_events(reply: Reply) -> bool:
    return (reply.headers.get("Content-Type") or "").lower().startswith("text/event-stream")
