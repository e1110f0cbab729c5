"""An application that costs next to nothing: keep-alive connections, one request after the other.

Run as `python -m tests.bench.load PORT PATH MODEL STREAM CONNECTIONS REQUESTS [AUTHORITY CA EACH]`;
prints how many answers and chunks came, and in how many seconds. Fails at the first answer that is
not 200. With AUTHORITY, each connection is TLS in a tunnel to there, whose certificate is good by
the file CA; it is left after EACH requests for a new one (0: never).
"""

import asyncio
import socket
import ssl
import sys
import time
from typing import NamedTuple, cast

import orjson
import uvloop


def request(host: str, path: str, model: str, stream: bool) -> bytes:
    """1 KB of chat JSON under the headers that the official SDK sends."""
    messages = [{"role": "user", "content": "word " * 170}]
    body = orjson.dumps({"model": model, "messages": messages, "stream": stream})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\n"
        "Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        "User-Agent: OpenAI/Python 2.0.0\r\nX-Stainless-Lang: python\r\n"
        "X-Stainless-Package-Version: 2.0.0\r\nX-Stainless-OS: Linux\r\n"
        "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
        "X-Stainless-Runtime-Version: 3.11.7\r\nAuthorization: Bearer sk-bench\r\n"
        "x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Tunnel(NamedTuple):
    """The way of each connection: `each` requests, then another one."""

    authority: str
    context: ssl.SSLContext
    each: int


async def opened(port: int, tunnel: Tunnel | None) -> tuple[socket.socket, dict[str, object]]:
    """A connection, and what asyncio has to know to go on with it."""
    connection = socket.socket()
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tunnel is None:
        return connection, {}
    ask = f"CONNECT {tunnel.authority} HTTP/1.1\r\nHost: {tunnel.authority}\r\n\r\n"
    await loop.sock_sendall(connection, ask.encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += await loop.sock_recv(connection, 4096)
    assert answer.split(b" ")[1] == b"200", answer
    host = tunnel.authority.partition(":")[0]
    return connection, {"ssl": tunnel.context, "server_hostname": host}


class Client(asyncio.Protocol):
    """Counts answers; a plain one by its length, a streamed one by its last chunk. Asks until the
    `budget` that it shares is spent, or `most` times."""

    def __init__(
        self, request: bytes, budget: list[int], done: asyncio.Future[None], most: int = 0
    ) -> None:
        self._request = request
        self._budget = budget
        self._done = done
        self._most = most
        self._buffer = b""
        self.chunks = 0
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def _next(self) -> None:
        if self._budget[0] <= 0 or (self._most and self.answers >= self._most):
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


async def worker(
    port: int, content: bytes, budget: list[int], tunnel: Tunnel | None
) -> tuple[int, int]:
    """Answers and chunks over one connection after the other."""
    loop = asyncio.get_running_loop()
    answers = chunks = 0
    while budget[0] > 0:
        done = loop.create_future()
        connection, more = await opened(port, tunnel)
        _, client = await loop.create_connection(
            lambda done=done: Client(content, budget, done, tunnel.each if tunnel else 0),
            sock=connection,
            **more,
        )
        await done
        answers, chunks = answers + client.answers, chunks + client.chunks
    return answers, chunks


async def main(
    port: int,
    path: str,
    model: str,
    stream: bool,
    connections: int,
    requests: int,
    tunnel: Tunnel | None,
) -> None:
    budget = [requests]
    host = tunnel.authority.removesuffix(":443") if tunnel else f"127.0.0.1:{port}"
    content = request(host, path, model, stream)
    started = time.perf_counter()
    workers = [worker(port, content, budget, tunnel) for _ in range(connections)]
    counts = await asyncio.wait_for(asyncio.gather(*workers), 300)
    took = time.perf_counter() - started
    answers, chunks = map(sum, zip(*counts, strict=True))
    print(answers, chunks, f"{took:.3f}")


def _tunnel(arguments: list[str]) -> Tunnel | None:
    if not arguments:
        return None
    authority, ca, each = arguments
    return Tunnel(authority, ssl.create_default_context(cafile=ca), int(each))


if __name__ == "__main__":
    uvloop.run(
        main(
            int(sys.argv[1]),
            sys.argv[2],
            sys.argv[3],
            sys.argv[4] == "stream",
            int(sys.argv[5]),
            int(sys.argv[6]),
            _tunnel(sys.argv[7:]),
        )
    )
