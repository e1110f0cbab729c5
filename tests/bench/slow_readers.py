"""`python -m tests.bench.slow_readers [READERS] [MIB]`: many apps that take their large answers
slowly, and what memory that takes. A chat answer is held for a while before it is passed on, since
it may turn out to be a failure; a file's content is not. Status 1 where memory has no bound.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import orjson
import uvloop

from tests.bench.process import footprint
from tests.outside.process import policy, serving

READERS, SIZE_MIB = 200, 50
SECONDS = 15.0
PIECE_BYTES = 64 * 2**10
RATE_BYTES = 256 * 2**10
"""Of each reader, in a second."""

MOST_BYTES = 5 * 2**20
"""Of memory for each reader, at most: what is held of an answer, and some buffers."""

POLICY = """
version: 1
upstreams:
  openai: {{dialect: openai, url: "http://127.0.0.1:{port}"}}
"""
CHAT = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "all of it"}]})
ASKED = {
    "a file": b"GET /openai/v1/files/f/content HTTP/1.1\r\nHost: x\r\n\r\n",
    "a chat": b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(CHAT), CHAT),
}


async def _provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers of `SIZE_MIB`, as fast as they are taken."""
    piece = b"x" * PIECE_BYTES
    size = SIZE_MIB * 2**20
    try:
        await reader.readuntil(b"\r\n\r\n")
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        )
        writer.write(head.encode())
        for _ in range(size // PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return  # the reader has had enough
    finally:
        writer.close()


async def _read(port: int, asked: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE_BYTES)
    writer.write(asked)
    came = 0
    while time.monotonic() < until:
        data = await reader.read(PIECE_BYTES)
        came += len(data)
        await asyncio.sleep(len(data) / RATE_BYTES)
    writer.close()
    return came


async def _measure(port: int, pid: int, readers: int, asked: bytes) -> tuple[int, int, int]:
    """Bytes of memory before and at most, and bytes that came."""
    before = most = footprint(pid).memory_bytes
    until = time.monotonic() + SECONDS
    reading = [asyncio.create_task(_read(port, asked, until)) for _ in range(readers)]
    while time.monotonic() < until:
        await asyncio.sleep(0.25)
        most = max(most, footprint(pid).memory_bytes)
    return before, most, sum(await asyncio.gather(*reading))


async def main(readers: int) -> int:
    server = await asyncio.start_server(_provide, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bounded = True
    with tempfile.TemporaryDirectory() as folder:
        for name, asked in ASKED.items():
            with serving(policy(Path(folder, name), POLICY.format(port=port))) as running:
                before, most, came = await _measure(running.port, running.pid, readers, asked)
            grew = most - before
            bounded &= grew < readers * MOST_BYTES
            print(
                f"{readers} readers of {SIZE_MIB} MiB, {name} each: {before / 2**20:.0f} MiB"
                f" before, {most / 2**20:.0f} at most ({grew / readers / 2**10:.0f} KiB a reader);"
                f" {came / 2**20:.0f} MiB came in {SECONDS:.0f} s"
            )
    server.close()
    return 0 if bounded else 1


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    if len(given) > 1:
        SIZE_MIB = given[1]
    sys.exit(uvloop.run(main(given[0] if given else READERS)))
