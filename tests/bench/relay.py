"""The reference: the cheapest relay that aiohttp's public API allows, and nothing but a relay.

Low-level `web.Server`, one session without cookie jar, redirects, decompression or automatic
headers, cached URLs, headers copied in C, small answers read whole, uvloop, a lazy collector.
Run as `python -m tests.bench.relay PROVIDER_PORT`; prints its port.
"""

import asyncio
import gc
import sys

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

HOP_BY_HOP = ("Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Upgrade", "Host")
SMALL_BYTES = 64 * 1024
CANNED = "/canned"
"""Asked for this, it answers from memory: what a cache hit cannot be cheaper than."""
ANSWER = bytes(1200)


async def main(provider_port: int) -> None:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None),
    )
    urls: dict[str, URL] = {}
    base = f"http://127.0.0.1:{provider_port}"

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path == CANNED:
            await request.read()
            return web.Response(body=ANSWER, content_type="application/json")
        url = urls.get(path)
        if url is None:
            url = urls[path] = URL(base + path, encoded=True)
        headers = CIMultiDict(request.headers)
        for name in HOP_BY_HOP:
            headers.popall(name, None)
        body = await request.read()
        async with session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            sent = CIMultiDict(answer.headers)
            for name in HOP_BY_HOP:
                sent.popall(name, None)
            length = answer.content_length
            if length is not None and length <= SMALL_BYTES:
                return web.Response(status=answer.status, body=await answer.read(), headers=sent)
            response = web.StreamResponse(status=answer.status, headers=sent)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    server = web.Server(handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    gc.set_threshold(10_000)
    await listening.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
