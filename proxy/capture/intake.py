"""Reads a request's body: into memory as far as it can be kept, and on from there as it comes."""

from collections.abc import AsyncIterator

from aiohttp.http import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.web import BaseRequest, RequestPayloadError

from proxy.core.failure import Failure, FailureKind
from proxy.upstream.fields import EXPECT

KEPT_BYTES = 8 * 2**20
"""A body of up to this is kept whole, so that it can be sent again; a larger one is sent once."""


async def take_in(request: BaseRequest) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """The body, or its first `KEPT_BYTES` and who brings the rest.

    Who brings the rest raises Failure(bad_request) where that is not framed as HTTP wants it.
    """
    content = request.content
    if content.at_eof():
        return b"", None
    if EXPECT in request.headers:
        # Asked for before it is known who gets the body (RFC 9110 10.1.1): it is needed to know it.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    chunk = await content.readany()
    if content.at_eof():
        return chunk, None
    chunks = [chunk]
    size = len(chunk)
    while size <= KEPT_BYTES:
        chunk = await content.readany()
        if not chunk:
            return b"".join(chunks), None
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks), _rest(content)


async def _rest(content: StreamReader) -> AsyncIterator[bytes]:
    try:
        while chunk := await content.readany():
            yield chunk
    except (RequestPayloadError, HttpProcessingError) as error:
        text = f"the request's body broke off: {error}"
        raise Failure(FailureKind.BAD_REQUEST, text) from error
