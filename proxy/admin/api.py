"""The admin port's routes."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, urlsplit

import orjson
from aiohttp import web

from proxy.admin.view import Sights, status
from proxy.telemetry.metrics import CONTENT_TYPE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Serves `/healthz`, `/readyz`, `/metrics`, `/status` and `POST /reload`. `open`, `close`."""

    def __init__(self, sights: Sights, token: str) -> None:
        """With a `token`, everything but `/healthz` and `/readyz` wants it as a bearer."""
        self._sights = sights
        self._token = token
        self._ready = False
        self._runner: web.AppRunner | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port in use. Raises OSError."""
        app = web.Application(middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/status", self._status),
                web.post("/reload", self._reload),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    def ready(self, yes: bool) -> None:
        """What `/readyz` says from now on."""
        self._ready = yes

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        return await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Who may not: a page of another site (by Origin, or by a name that was made to resolve
        to us), and who lacks the token."""
        host = _split(f"//{request.host}").hostname or ""
        if not self._token and not _own_name(host):
            return _problem(403, f"{host!r} is no name of this machine: call it by its address")
        origin = request.headers.get("Origin")
        foreign = origin is not None and _split(origin).netloc != request.host
        if request.method == "POST" and foreign:
            return _problem(403, f"a page of {origin} may not do this")
        if self._token and request.path not in ("/healthz", "/readyz"):
            told = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(told, f"Bearer {self._token}".encode()):
                return _problem(401, "wants Authorization: Bearer <the --admin-token>")
        return None

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._ready:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: stopping, or not listening yet\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        text = self._sights.telemetry.metrics_text()
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        return _json(200, status(self._sights))

    async def _reload(self, _: web.Request) -> web.Response:
        complaints = await self._sights.reloader.reload()
        digest = self._sights.engine.program.snapshot.digest
        if complaints:
            return _json(422, {"reloaded": False, "digest": digest, "complaints": complaints})
        return _json(200, {"reloaded": True, "digest": digest, "complaints": []})


def _split(url: str) -> SplitResult:
    """Of what a client sent, which may be no URL: then it has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _own_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _problem(code: int, message: str) -> web.Response:
    return _json(code, {"error": {"message": message}})


def _json(code: int, document: object) -> web.Response:
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(status=code, body=body, content_type="application/json")
