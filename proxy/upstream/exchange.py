"""One request and its answer on one connection.

Trailers of an answer are dropped, as its parser (aiohttp's) drops them: RFC 9110 6.5.1 allows it.
Of interim answers 102 and 103 are told on; a 101 that was asked for ends HTTP on the connection.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import http
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_parser import RawResponseMessage
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, istr

from proxy.core.call import Call
from proxy.core.failure import Failure
from proxy.core.headers import FIELD_COUNT, LINE_BYTES
from proxy.core.reply import Reply, Source
from proxy.upstream.errors import on_answer, on_body
from proxy.upstream.fields import head
from proxy.upstream.pool import Door, Pool
from proxy.upstream.switched import SWITCHED, Switched

_DEAD = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError)
"""What it looks like to write into a connection that the provider closed while it was idle."""

_WITH_CONTENT = frozenset(("POST", "PUT", "PATCH"))
"""Methods whose requests say so when their content is empty (RFC 9110 8.6)."""

_CONTENT_LENGTH = istr("Content-Length")
_TRANSFER_ENCODING = istr("Transfer-Encoding")

READ_BUFFER_BYTES = 64 * 2**10
"""Read from a provider before the app takes some; the transport pauses above twice this."""


MOST_INTERIM = 1000
"""Interim answers before the final one: a provider that tells every second that it is still at work
would need a quarter of an hour for so many."""

_TOLD_ON = frozenset((102, 103))
"""Interim answers that an app can make something of. 100 answers what is asked here, if it is."""

AT_ONCE_BYTES = 32 * 2**10
"""A body that fits into the transport's buffer is written without waiting; a larger one is sent by
a task of its own, since a provider may answer before it has read all of it."""


class Exchange:
    """Writes a request, reads an answer, and gives the connection back or closes it.

    It is the reply's body too: iterated once, it brings the bytes as they come.
    """

    __slots__ = ("_connection", "_payload", "_protocol", "_target", "_transport", "_upload")

    def __init__(self, connection: Connection, protocol: ResponseHandler, target: str) -> None:
        self._connection = connection
        self._protocol = protocol
        self._target = target
        self._payload: StreamReader | None = None
        self._transport: asyncio.Transport | None = None
        self._upload: asyncio.Task[None] | None = None

    async def send(self, call: Call, path: str, fields: CIMultiDict[str]) -> RawResponseMessage:
        """Status and headers of the answer. Raises aiohttp's errors: who asks knows if the
        connection was fresh. When this raises, the connection is closed."""
        protocol = self._protocol
        protocol.set_response_params(
            skip_payload=call.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
            max_headers=FIELD_COUNT,
        )
        try:
            first_line = f"{call.method} {path} HTTP/1.1"
            transport = self._transport = protocol.transport
            if transport is None:
                raise aiohttp.ServerDisconnectedError
            if call.rest is None and len(call.body) <= AT_ONCE_BYTES:
                transport.write(head(first_line, fields) + call.body)
            else:
                writer = StreamWriter(protocol, asyncio.get_running_loop())
                if "Content-Length" not in fields:
                    fields["Transfer-Encoding"] = "chunked"
                    writer.enable_chunking()
                transport.write(head(first_line, fields))
                self._upload = asyncio.create_task(_upload(writer, protocol, call))
            message, self._payload = await protocol.read()
            for _ in range(MOST_INTERIM):
                if message.code >= 200 or message.code == SWITCHED:
                    break
                if message.code < 100:
                    raise http.HttpProcessingError(message=f"{message.code} is no status")
                if call.interim is not None and message.code in _TOLD_ON:
                    _check_head(message)
                    call.interim(message.code, message.headers)
                message, self._payload = await protocol.read()
            _check_head(message)
            if message.code == SWITCHED:
                self._check_switch(call, message)
                return message
            if message.code < 200:
                raise http.HttpProcessingError(message="it gave interim answers without end")
        except BaseException:
            self.close()
            raise
        if self._payload.at_eof():
            self._done()  # no content, and so nobody who would read it to its end
        return message

    def _check_switch(self, call: Call, message: RawResponseMessage) -> None:
        """Raises where a 101 is no answer to what was asked."""
        told = ", ".join(message.headers.getall("Upgrade", ())).strip().lower()
        if not call.upgrade or told != call.upgrade or not self._protocol.upgraded:
            raise http.HttpProcessingError(message="it switched protocols, unasked")

    def switched(self) -> Switched:
        """The connection, after a 101."""
        assert self._transport is not None  # it was asked on it
        return Switched(self._connection, self._protocol, self._transport)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        payload = self._payload
        if payload is None:
            raise StopAsyncIteration
        try:
            chunk = await payload.readany()
        except (aiohttp.ClientError, http.HttpProcessingError, OSError) as error:
            self.close()
            raise on_body(error, self._target) from error
        if not chunk:
            self._done()
            raise StopAsyncIteration
        if payload.at_eof():
            self._done()  # the connection can serve others while the app takes the last bytes
        return chunk

    def _done(self) -> None:
        """The answer was read to its end: the connection goes back, unless we still send. Without a
        parser it keeps whatever comes while nobody asks, which shows that it is tainted."""
        self._payload = None
        self._protocol._parser = None
        if self._upload is not None and not self._upload.done():
            self.close()
        else:
            self._connection.release()

    def close(self) -> None:
        """Close the connection, unless it was given back already."""
        self._payload = None
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        self._connection.close()

    async def aclose(self) -> None:
        self.close()


def _check_head(message: RawResponseMessage) -> None:
    """Raises for what the parser lets through in answers, and that whoever reads what we send on
    might take for another message's beginning or end (RFC 9112 5.1, 6.1, 6.3)."""
    headers = message.headers
    if "\0" in (message.reason or ""):
        raise http.HttpProcessingError(message="a NUL in its first line")
    names = "".join(headers)
    if " " in names or "\t" in names:
        raise http.HttpProcessingError(message="a space before the colon of a field")
    if _TRANSFER_ENCODING in headers:
        codings = ",".join(headers.getall(_TRANSFER_ENCODING)).strip().lower()
        if codings != "chunked":
            raise http.HttpProcessingError(message="a transfer coding that nobody asked for")


async def _upload(writer: StreamWriter, protocol: ResponseHandler, call: Call) -> None:
    """Send a large body, or one that is still coming in, as fast as the provider takes it.

    A provider may answer and stop reading before the end (413): then its answer is what counts.
    """
    try:
        await writer.write(call.body)
        if call.rest is not None:
            async for chunk in call.rest:
                await writer.write(chunk)
        await writer.write_eof()
    except (Failure, aiohttp.ClientError, OSError) as error:
        protocol.set_exception(error)  # wakes who waits for an answer, if none is there yet


async def ask(pool: Pool, door: Door, call: Call, path: str, fields: CIMultiDict[str]) -> Reply:
    """Send `call` through `door` and return what comes back, its body still to be read.

    A pooled connection that turns out to be dead before anything came back is no attempt: another
    is taken, where the call may be repeated. One on which something came while it was idle (a 408,
    often) is not used at all. Raises Failure(network | timeout.connect | malformed).
    """
    target = door.target
    if call.rest is None and (call.body or call.method in _WITH_CONTENT):
        fields[_CONTENT_LENGTH] = str(len(call.body))
    while True:
        connection, protocol, reused = await pool.connect(door)
        if reused and protocol.should_close:
            connection.close()  # an answer to nobody came meanwhile: it is not to be the next one's
            continue
        exchange = Exchange(connection, protocol, target)
        try:
            message = await exchange.send(call, path, fields)
        except _DEAD as error:
            if reused and call.repeatable:
                continue
            raise on_answer(error, target) from error
        except (aiohttp.ClientError, http.HttpProcessingError, OSError) as error:
            raise on_answer(error, target) from error
        return Reply(
            message.code,
            message.headers,
            exchange if message.code != SWITCHED else exchange.switched(),
            source=Source.UPSTREAM,
            target=target,
            reason=message.reason,
        )
