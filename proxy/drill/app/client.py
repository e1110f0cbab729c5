"""HTTP/1.1 from the app's side, spoken by hand, so that a cut is never taken for an end."""

import asyncio
from dataclasses import dataclass

from proxy.core.clock import Clock, TimeLimit
from proxy.drill.app.tongue import Asking

BUFFER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Response:
    """What came back after `took_s`. `whole` is False where the connection ended before the body
    did. No status: nothing came."""

    status: int | None
    fields: dict[str, str]
    body: bytes
    whole: bool
    took_s: float

    def field(self, name: str) -> str:
        return self.fields.get(name, "")


async def ask(
    port: int, upstream: str, asking: Asking, patience_s: float, clock: Clock
) -> Response:
    """One request on a connection of its own; what was there when the patience ends is kept."""
    started = clock.now()
    reading = _Reading()
    try:
        async with TimeLimit(clock, patience_s):
            await reading.read(port, _request(upstream, asking))
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        reading.whole = False
    finally:
        reading.close()
    took_s = clock.now() - started
    return Response(reading.status, reading.fields, reading.body, reading.whole, took_s)


def _request(upstream: str, asking: Asking) -> bytes:
    fields = [
        ("Host", "127.0.0.1"),
        *asking.fields,
        ("Content-Length", str(len(asking.body))),
        ("Connection", "close"),
    ]
    lines = [f"{asking.method} /{upstream}{asking.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + asking.body


class _Reading:
    """A response as far as it was read."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.fields: dict[str, str] = {}
        self.body = b""
        self.whole = False
        self._writer: asyncio.StreamWriter | None = None

    async def read(self, port: int, request: bytes) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port, limit=BUFFER_BYTES)
        self._writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        parted = [line.partition(":") for line in lines]
        self.fields = {name.lower(): value.strip() for name, _, value in parted}
        self.status = int(first.split(" ")[1])
        if self.fields.get("transfer-encoding") == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
                self.body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        elif "content-length" in self.fields:
            await self._length(reader, int(self.fields["content-length"]))
        else:
            self.body = await reader.read()
        self.whole = True

    async def _length(self, reader: asyncio.StreamReader, size: int) -> None:
        while len(self.body) < size:
            piece = await reader.read(size - len(self.body))
            if not piece:
                raise asyncio.IncompleteReadError(self.body, size)
            self.body += piece

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
