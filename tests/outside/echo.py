"""A WebSocket server as a process of its own, so that it can be killed.

`python echo.py [CERTIFICATE]`, a file that has the key too.

Its first line is its port; then `open` and `closed CODE` as connections come and go.
"""

import asyncio
import ssl
import sys

from aiohttp import WSMsgType, web


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def _echo(request: web.Request) -> web.StreamResponse:
    if "Authorization" not in request.headers:
        return web.Response(status=401, text="who are you?")
    socket = web.WebSocketResponse(max_msg_size=0, protocols=("realtime",))
    await socket.prepare(request)
    _say("open")
    await socket.send_str("hello " + request.path_qs)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data.startswith("close "):
            await socket.close(code=int(message.data.split()[1]), message=b"as you wish")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    _say(f"closed {socket.close_code}")
    return socket


async def _plain(request: web.Request) -> web.Response:
    return web.Response(text=f"upgrade: {request.headers.get('Upgrade', 'none')}")


async def _serve(*certificate: str) -> None:
    app = web.Application()
    app.router.add_get("/v1/realtime", _echo)
    app.router.add_get("/v1/plain", _plain)
    runner = web.AppRunner(app)
    await runner.setup()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate[0])
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    _say(str(runner.addresses[0][1]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
