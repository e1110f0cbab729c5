"""One request that came to a provider, and everything that the provider can do about it."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import orjson

from proxy.core.clock import Clock
from proxy.drill.speech.words import Answer, Speech, Trouble

Fields = tuple[tuple[str, str], ...]

REASONS = {status.value: status.phrase for status in HTTPStatus}
APART_S = 0.05
"""Between the last good piece and what goes wrong. Were they read at once, nothing would have gone
out to the app yet, and another provider could still answer."""

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on and zero: the kernel answers what comes with RST, and forgets what is unsent."""


@dataclass
class Request:
    """What came, byte for byte. Times are of the provider's clock; `left_at` is when the other side
    hung up while it was being answered, `answered` the status and body of a short answer."""

    method: str
    target: str
    version: str
    fields: Fields
    body: bytes
    connection: int
    came_at: float
    left_at: float | None = None
    sent_bytes: int = 0
    answered: tuple[int, bytes] | None = None

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


@dataclass
class Turn:
    """A provider's turn to answer `request`. `good` is what a healthy one would say."""

    request: Request
    speech: Speech
    good: Answer
    writer: asyncio.StreamWriter
    clock: Clock
    kept_open: bool = field(default=True)
    _chunked: bool = field(default=False)

    def say(self, text: str) -> None:
        """Have `good` say `text`."""
        self.good = self.speech.answer(self.request.target, self.request.json, text)

    async def answer(self, status: int, body: bytes, *fields: tuple[str, str]) -> None:
        """A whole answer of a known length. JSON, unless `fields` say otherwise."""
        if not any(name.lower() == "content-type" for name, _ in fields):
            fields = (("Content-Type", "application/json"), *fields)
        self._head(status, (*fields, ("Content-Length", str(len(body)))))
        self.request.answered = (status, body)
        await self._write(body)

    async def refuse(
        self,
        trouble: Trouble,
        *fields: tuple[str, str],
        status: int | None = None,
        detail: str = "",
    ) -> None:
        """An error in the provider's own form, with the status that it has there, or with
        `status`."""
        body = self.speech.error(trouble, detail)
        await self.answer(status or self.speech.status(trouble), body, *fields)

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

    async def apart(self) -> None:
        """Let what was sent so far get to the app, before something goes wrong."""
        await self.clock.sleep(APART_S)

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
