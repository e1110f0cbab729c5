"""The admin port's routes."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import SplitResult, urlsplit

import orjson
from aiohttp import web

from proxy.admin.upstream_view import upstream_view
from proxy.admin.view import Sights, status
from proxy.policy.snapshot import Upstream
from proxy.telemetry.metrics import CONTENT_TYPE
from proxy.telemetry.redact import redact

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Serves `/healthz`, `/readyz`, `/metrics` and `/status`, and, by POST, `/reload`,
    `/breakers/{upstream}/open|close|reset` and `/probe/{upstream}`. `open`, `close`."""

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
                web.post("/breakers/{upstream}/{act:open|close|reset}", self._breaker),
                web.post("/probe/{upstream}", self._probe),
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
            return _problem(403, f"a page of {origin!r} may not do this")
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

    async def _breaker(self, request: web.Request) -> web.Response:
        """`open` takes an upstream out until `close` or `reset`, which forgets all else that speaks
        against it too."""
        upstream = self._upstreams.get(request.match_info["upstream"])
        if upstream is None:
            return self._unknown(request)
        standing = self._sights.standings.of(upstream)
        match request.match_info["act"]:
            case "open":
                standing.breaker.force_open()
            case "close":
                standing.breaker.force_close()
            case "reset":
                standing.reset()
        return _json(200, upstream_view(upstream, standing))

    async def _probe(self, request: web.Request) -> web.Response:
        """Asks even where the breaker has opened by itself: that is what one wants to know then."""
        upstream = self._upstreams.get(request.match_info["upstream"])
        if upstream is None:
            return self._unknown(request)
        failure = await self._sights.prober.ask(upstream, insist=True)
        return _json(
            200,
            {
                "name": upstream.name,
                "ok": failure is None,
                "kind": None if failure is None else failure.kind.value,
                "message": None if failure is None else redact(failure.message),
                "upstream": upstream_view(upstream, self._sights.standings.of(upstream)),
            },
        )

    @property
    def _upstreams(self) -> Mapping[str, Upstream]:
        return self._sights.engine.program.snapshot.upstreams

    def _unknown(self, request: web.Request) -> web.Response:
        known = ", ".join(self._upstreams) or "none"
        name = request.match_info["upstream"]
        return _problem(404, f"no upstream is called {name!r}; there are: {known}")


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
