"""A request off a connection, byte for byte: nothing is decoded, joined or left out."""

import asyncio

from proxy.core.clock import Clock
from proxy.drill.server.turn import Request


async def read_head(reader: asyncio.StreamReader, connection: int, clock: Clock) -> Request | None:
    """The next request, its body still to be read; None when the other side closes instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    parted = [line.partition(":") for line in lines]
    fields = tuple((name, value.strip(" \t")) for name, _, value in parted)
    return Request(method, target, version, fields, b"", connection, clock.now())


async def read_body(
    request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if "100-continue" in request.values("Expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.values("Transfer-Encoding"):
        request.body = await _chunks(reader)
    elif lengths := request.values("Content-Length"):
        request.body = await reader.readexactly(int(lengths[0]))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(chunks)
