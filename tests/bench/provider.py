"""A provider that costs next to nothing: canned answers from a bare protocol on uvloop.

A chat request is answered with 1.2 KB of JSON, or with `CHUNKS` chunks `PACE_S` apart when it asks
for a stream. Run as `python -m tests.bench.provider`; prints its port.
"""

import asyncio
from typing import cast

import uvloop

from tests.plays.stage import DONE, ROLE, STOP, delta, said, sse

CHUNKS = 50
PACE_S = 0.01


def _http(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _json() -> bytes:
    import orjson

    return orjson.dumps(said("word " * 190))


PLAIN = _http("application/json", _json())
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
EVENTS = [
    *sse(ROLE),
    *(sse(delta(content=f"token {number} "))[0] for number in range(CHUNKS)),
    *sse(STOP),
    DONE,
]


class Provider(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if b'"stream":true' in body:
                self._transport.write(STREAM_HEAD)
                self._send(0)
            else:
                self._transport.write(PLAIN)

    def _send(self, number: int) -> None:
        if self._transport.is_closing():
            return
        if number == len(EVENTS):
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(_chunked(EVENTS[number]))
        asyncio.get_running_loop().call_later(PACE_S, self._send, number + 1)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
