"""One request that came to a provider, and everything that the provider can do about it."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

Fields = tuple[tuple[str, str], ...]

REASONS = {200: "OK", 204: "No Content", 429: "Too Many Requests", 502: "Bad Gateway"}
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on and zero: the kernel answers what comes with RST, and forgets what is unsent."""


@dataclass
class Request:
    """What came, byte for byte. Times are of `time.monotonic`; `left_at` is when the other side
    hung up while it was being answered."""

    method: str
    target: str
    version: str
    fields: Fields
    body: bytes
    connection: int
    came_at: float
    left_at: float | None = None
    sent_bytes: int = 0

    def values(self, name: str) -> list[str]:
        """Of every field of that name, in order."""
        return [value for field_name, value in self.fields if field_name.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def stream(self) -> bool:
        said = self.json
        return isinstance(said, dict) and said.get("stream") is True


@dataclass(frozen=True)
class Answer:
    """A good answer in pieces: of a stream its events, the first of which says nothing yet; of a
    plain answer as many slices. `chunked` tells how the other side knows the end."""

    content_type: str
    pieces: tuple[bytes, ...]
    chunked: bool

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.pieces))


@dataclass
class Turn:
    """A provider's turn to answer `request`. `good` is what a healthy one would say."""

    request: Request
    good: Answer
    writer: asyncio.StreamWriter
    kept_open: bool = field(default=True)
    _chunked: bool = field(default=False)

    async def answer(self, status: int, body: bytes, *fields: tuple[str, str]) -> None:
        """A whole answer of a known length. JSON, unless `fields` say otherwise."""
        if not any(name.lower() == "content-type" for name, _ in fields):
            fields = (("Content-Type", "application/json"), *fields)
        self._head(status, (*fields, ("Content-Length", str(len(body)))))
        await self._write(body)

    async def begin(self, answer: Answer, *, chunked: bool | None = None) -> None:
        """Status and headers of a good answer that `send` is to follow."""
        self._chunked = answer.chunked if chunked is None else chunked
        framing = ("Content-Length", str(answer.size_bytes))
        if self._chunked:
            framing = ("Transfer-Encoding", "chunked")
        self._head(200, (("Content-Type", answer.content_type), framing))
        await self._write(b"")

    async def send(self, piece: bytes) -> None:
        """A piece of the body, in a packet of its own as far as that can be had."""
        framed = b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked and piece else piece
        await self._write(framed)
        self.request.sent_bytes += len(piece)

    async def end(self) -> None:
        """The end that HTTP wants, whatever the body lacks."""
        if self._chunked:
            await self._write(b"0\r\n\r\n")

    async def raw(self, piece: bytes) -> None:
        """Bytes as they are, whether or not they are HTTP."""
        await self._write(piece)

    def cut(self) -> None:
        """Close the connection here."""
        self.kept_open = False

    def reset(self) -> None:
        """Break the connection here: the other side gets an RST."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.kept_open = False

    async def silence(self) -> None:
        """Say nothing more. Ends when the other side hangs up."""
        await asyncio.get_running_loop().create_future()

    def _head(self, status: int, fields: Fields) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in fields]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def _write(self, piece: bytes) -> None:
        self.writer.write(piece)
        await self.writer.drain()


class Fault(Protocol):
    """A way to answer. Cancelled when the other side hangs up."""

    async def play(self, turn: Turn) -> None: ...
