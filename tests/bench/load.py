"""An application that costs next to nothing: keep-alive connections, one request after the other.

Run as `python -m tests.bench.load PORT PATH MODEL STREAM CONNECTIONS REQUESTS`; prints how many
answers and chunks came, and in how many seconds. Fails at the first answer that is not 200.
"""

import asyncio
import sys
import time
from typing import cast

import orjson
import uvloop


def request(port: int, path: str, model: str, stream: bool) -> bytes:
    """1 KB of chat JSON under the headers that the official SDK sends."""
    messages = [{"role": "user", "content": "word " * 170}]
    body = orjson.dumps({"model": model, "messages": messages, "stream": stream})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip, deflate\r\n"
        "Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        "User-Agent: OpenAI/Python 2.0.0\r\nX-Stainless-Lang: python\r\n"
        "X-Stainless-Package-Version: 2.0.0\r\nX-Stainless-OS: Linux\r\n"
        "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
        "X-Stainless-Runtime-Version: 3.11.7\r\nAuthorization: Bearer sk-bench\r\n"
        "x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """Counts answers; a plain one by its length, a streamed one by its last chunk."""

    def __init__(self, request: bytes, budget: list[int], done: asyncio.Future[None]) -> None:
        self._request = request
        self._budget = budget
        self._done = done
        self._buffer = b""
        self.chunks = 0
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def _next(self) -> None:
        if self._budget[0] <= 0:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._budget[0] -= 1
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            self._done.set_exception(RuntimeError(self._buffer[:500].decode()))
            return
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
        elif not self._buffer.endswith(b"\r\n0\r\n\r\n"):
            self.chunks += 1
            return
        self.answers += 1
        self._buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or RuntimeError("the connection was closed"))


async def main(
    port: int, path: str, model: str, stream: bool, connections: int, requests: int
) -> None:
    loop = asyncio.get_running_loop()
    budget = [requests]
    futures = [loop.create_future() for _ in range(connections)]
    content = request(port, path, model, stream)
    started = time.perf_counter()
    clients = []
    for future in futures:
        _, client = await loop.create_connection(
            lambda future=future: Client(content, budget, future), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.wait_for(asyncio.gather(*futures), 300)
    took = time.perf_counter() - started
    print(sum(c.answers for c in clients), sum(c.chunks for c in clients), f"{took:.3f}")


if __name__ == "__main__":
    uvloop.run(
        main(
            int(sys.argv[1]),
            sys.argv[2],
            sys.argv[3],
            sys.argv[4] == "stream",
            int(sys.argv[5]),
            int(sys.argv[6]),
        )
    )
