"""The calls of an app that carries a key wherever one can be, and all the bytes that they lead to.

Where each key may get to is for the test to say.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from proxy.drill.faults.canned import Canned
from proxy.drill.faults.cut import Cut
from proxy.drill.faults.error_event import ErrorEvent
from proxy.drill.faults.error_in_200 import ErrorIn200
from proxy.drill.faults.error_page import ErrorPage
from proxy.drill.faults.garbage import Garbage
from proxy.drill.faults.good import GOOD
from proxy.drill.faults.hang_up import HangUp
from proxy.drill.faults.quota import Quota
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.refused_key import RefusedKey
from proxy.drill.faults.reset import Reset
from proxy.drill.faults.server_error import ServerError
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from proxy.drill.server.turn import Fault, Turn
from tests.outside.canaries import Canary, KeyCanary
from tests.outside.policies import HOST
from tests.outside.process import Serving
from tests.outside.tunnel import TlsWire, connect
from tests.outside.wire import Fields, Response, Wire, ask, request
from tests.provider import Provider

PROXY_TOKEN, ADMIN_TOKEN = Canary("proxy token"), Canary("admin token")
FIRST_KEY, OTHER_KEY = KeyCanary("api_key of openai"), KeyCanary("api_key of other")
FIRST_HEADER, OTHER_HEADER = Canary("headers of openai"), Canary("headers of other")
COLLECTOR_KEY = Canary("OTEL_EXPORTER_OTLP_HEADERS")
FIRST_COOKIE, OTHER_COOKIE = Canary("cookie set by openai"), Canary("cookie set by other")
UPSTREAMS_OWN = (FIRST_KEY, OTHER_KEY, FIRST_HEADER, OTHER_HEADER)


@dataclass(frozen=True)
class Carried:
    """What the app has for a server that it calls: a key in each header that may hold one."""

    server: str

    def _of(self, name: str) -> Canary:
        return Canary(f"{name} for {self.server}")

    @property
    def bearer(self) -> Canary:
        return KeyCanary(f"Authorization for {self.server}")

    def fields(self, *, signed: bool) -> list[tuple[str, str]]:
        """`signed`: as AWS has it, in place of a bearer."""
        authorization = f"Bearer {self.bearer.value}"
        if signed:
            authorization = f"AWS4-HMAC-SHA256 Credential=A/x, Signature={self.bearer.value}"
        return [
            ("Content-Type", "application/json"),
            ("Authorization", authorization),
            ("Cookie", f"session={self._of('Cookie').value}"),
            ("Sec-WebSocket-Protocol", f"x, openai-insecure-api-key.{self._of('socket').value}"),
            *((name, self._of(name).value) for name in self._HEADERS),
        ]

    @property
    def query(self) -> str:
        return f"?key={self._of('?key').value}&api_key={self._of('?api_key').value}"

    @property
    def canaries(self) -> tuple[Canary, ...]:
        names = (*self._HEADERS, "Cookie", "socket", "?key", "?api_key")
        return (self.bearer, *map(self._of, names))

    _HEADERS = (
        *("x-api-key", "api-key", "x-goog-api-key", "Ocp-Apim-Subscription-Key", "X-Auth-Token"),
        *("OpenAI-Organization", "OpenAI-Project", "X-Amz-Security-Token", "X-Whatever-Token"),
    )


TO_FIRST, TO_OTHER, TO_STRANGER = Carried("openai"), Carried("other"), Carried("a stranger")
TO_NOBODY = Carried("nobody")
ALL = (
    *(PROXY_TOKEN, ADMIN_TOKEN, COLLECTOR_KEY, FIRST_COOKIE, OTHER_COOKIE, *UPSTREAMS_OWN),
    *(TO_FIRST.canaries + TO_OTHER.canaries + TO_STRANGER.canaries + TO_NOBODY.canaries),
)


@dataclass(frozen=True)
class Baked:
    """A good answer that sets a cookie."""

    cookie: Canary

    async def play(self, turn: Turn) -> None:
        cookie = ("Set-Cookie", f"sid={self.cookie.value}; Path=/")
        await turn.answer(200, b"".join(turn.good.pieces), cookie)


@dataclass(frozen=True)
class Scene:
    """What the providers do with a call, and what the app has to see, so that it is that call."""

    first: Fault
    other: Fault
    status: int
    source: str = "upstream"
    stream: bool = False
    model: str = "gpt-4o"


BROKEN: Sequence[Fault] = (
    *(ServerError(503), RefusedKey(), RateLimit(wait="60"), Quota(), Reset(), HangUp()),
    *(Garbage(), ErrorPage(), ErrorIn200(), Silence()),
)
SWITCHING = Canned(
    (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",)
)
SCENES = (
    Scene(GOOD, GOOD, 200),
    Scene(GOOD, GOOD, 200, stream=True),
    Scene(GOOD, GOOD, 200, model="kept"),
    *(Scene(fault, GOOD, 200, stream=stream) for fault in BROKEN for stream in (False, True)),
    *(Scene(RefusedKey(), RefusedKey(), 401, stream=stream) for stream in (False, True)),
    Scene(ServerError(503), RefusedKey(), 503),
    Scene(RefusedKey(), Garbage(), 401),
    Scene(Cut(3), GOOD, 200, stream=True),
    Scene(ErrorEvent(3), GOOD, 200, stream=True),
    Scene(ServerError(503), RefusedKey(), 200, "mock", model="mocked"),
    Scene(ServerError(503), RefusedKey(), 200, "stale", model="kept"),
    Scene(ServerError(503), Baked(OTHER_COOKIE), 200),
    Scene(Baked(FIRST_COOKIE), GOOD, 200),
)


@dataclass
class Way:
    """How the app comes in: `prefix` before its path, and what it tells the proxy of itself."""

    prefix: str
    fields: Fields = ()
    signed: bool = False


def _ways() -> list[Way]:
    token = PROXY_TOKEN.value
    basic = "Basic " + b64encode(f"app:{token}".encode()).decode()
    return [
        Way(f"/{token}/openai"),
        Way("/openai", [("Proxy-Authorization", f"Bearer {token}")], signed=True),
        Way(f"http://{HOST}", [("Proxy-Authorization", basic)]),
    ]


@dataclass
class Bytes:
    """All that left the proxy, by whom it reached."""

    by_place: dict[str, bytes] = field(default_factory=dict)

    def add(self, place: str, *pieces: bytes | str) -> None:
        for piece in pieces:
            data = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogateescape")
            self.by_place[place] = self.by_place.get(place, b"") + data + b"\n"

    def answered(self, response: Response) -> Response:
        fields = "\n".join(map(": ".join, response.fields))
        self.add("the app", response.reason, fields, response.body)
        return response

    def reached(self, place: str, provider: Provider) -> None:
        """Take what came to a provider since it was last asked to play."""
        for seen in provider.requests:
            self.add(place, seen.target, "\n".join(map(": ".join, seen.fields)), seen.body)


class Talk:
    """The calls of one app to one proxy."""

    def __init__(
        self, proxy: Serving, providers: tuple[Provider, Provider, Provider], left: Bytes
    ) -> None:
        self._proxy = proxy
        self._first, self._other, self._stranger = providers
        self._left = left

    def all(self, state: Path) -> None:
        for way in _ways():
            for scene in SCENES:
                self._play(scene, way)
        self._other_way_round()
        self._passed_through()
        self._turned_away()
        self._intercepted(state)
        self._switched()
        self._hung_up()

    def _plays(self, first: Fault, other: Fault = GOOD, stranger: Fault = GOOD) -> None:
        self._first.plays(first)
        self._other.plays(other)
        self._stranger.plays(stranger)

    def _reached(self) -> None:
        self._left.reached("openai", self._first)
        self._left.reached("other", self._other)
        self._left.reached("a stranger", self._stranger)

    def _play(self, scene: Scene, way: Way, wire: Wire | None = None) -> None:
        self._plays(scene.first, scene.other)
        fields = [*TO_FIRST.fields(signed=way.signed), *way.fields]
        body = _chat(scene.model, stream=scene.stream)
        target = f"{way.prefix}/v1/chat/completions{TO_FIRST.query}"
        response = self._ask("POST", target, fields, body, wire)
        assert response.status == scene.status, (scene, response)
        if scene.status == 200:
            assert response.value("x-understudy-source") == scene.source, (scene, response)
        self._reached()

    def _ask(
        self,
        method: str,
        target: str,
        fields: Fields,
        body: bytes | None = None,
        wire: Wire | None = None,
    ) -> Response:
        if wire is not None:
            return self._left.answered(wire.ask(method, target, fields, body))
        return self._left.answered(ask(self._proxy.port, method, target, fields, body))

    def _other_way_round(self) -> None:
        """The app calls `other`, which fails, and lands at `openai` under that one's own key."""
        for other in (GOOD, ServerError(503)):
            self._plays(GOOD, other)
            target = f"/{PROXY_TOKEN.value}/other/v1/chat/completions{TO_OTHER.query}"
            fields = TO_OTHER.fields(signed=False)
            assert self._ask("POST", target, fields, _chat("gpt-4o")).status == 200
            self._reached()

    def _passed_through(self) -> None:
        self._plays(GOOD)
        target = f"{self._stranger.url}/v1/models{TO_STRANGER.query}"
        bearer = ("Proxy-Authorization", f"Bearer {PROXY_TOKEN.value}")
        fields = [*TO_STRANGER.fields(signed=False), bearer]
        assert self._ask("GET", target, fields).status == 200
        self._reached()

    def _turned_away(self) -> None:
        """Nobody gets these: the error pages are ours."""
        fields, query = TO_NOBODY.fields(signed=False), TO_NOBODY.query
        ours = [*fields, ("Proxy-Authorization", f"Bearer {PROXY_TOKEN.value}")]
        key, token = TO_NOBODY.bearer.value, PROXY_TOKEN.value
        refused = [
            ("GET", f"/openai/v1/models{query}", fields, 401),
            ("GET", f"/{token[:-1]}x/openai/v1/models", fields, 401),
            ("GET", f"http://{HOST}/v1/models{query}", fields, 407),
            ("CONNECT", f"{HOST}:443", fields, 407),
            ("GET", f"/{token}/nobody/v1/models{query}", fields, 404),
            ("GET", f"/nobody/v1/models{query}", ours, 404),
            ("GET", f"ftp://{HOST}/{query}", ours, 400),
            ("GET", f"http://user:{key}@{HOST}/", ours, 400),
            ("GET", f"http://10.0.0.1/{query}", ours, 403),
            ("GET", f"http://127.0.0.1:{self._proxy.admin_port}/{token}{query}", ours, 508),
            ("CONNECT", f"user:{key}@{HOST}:443", ours, 400),
            ("GET", f"/{token}/openai/v1#{key}", fields, 400),
        ]
        for method, target, told, status in refused:
            response = self._ask(method, target, told)
            assert response.status == status, (method, target, response)
        broken = [
            request("GET", f"/{token}/openai", [(f"bad name {key}", key), *fields]),
            request("GET", f"/{token}/openai", [("X-Long", key * 4000), *fields]),
            request("POST", f"/{token}/openai", [("Content-Length", key), *fields]),
            f"{key} {token} {key}\r\n\r\n".encode(),
            b"\x16\x03\x01" + key.encode() * 20 + b"\r\n\r\n",
        ]
        for piece in broken:
            with Wire(self._proxy.port) as wire:
                wire.send(piece)
                assert 400 <= self._left.answered(wire.response()).status < 500

    def _intercepted(self, state: Path) -> None:
        """Inside a tunnel, where the app says the token with its CONNECT and then never again."""
        for _ in range(2):  # the CA is made with the first
            with Wire(self._proxy.port) as wire:
                assert connect(wire, f"{HOST}:443", fields=_tunnelling()).status == 200
        trusted = state / "ca" / "ca.pem"
        for scene in SCENES:
            with TlsWire(self._proxy.port, f"{HOST}:443", trusted, fields=_tunnelling()) as tls:
                self._play(scene, Way("", [("Host", HOST)]), tls)

    def _switched(self) -> None:
        """A WebSocket, whose handshake brings the key where browsers can put one."""
        fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
        fields += TO_FIRST.fields(signed=False)
        target = f"/{PROXY_TOKEN.value}/openai/v1/realtime{TO_FIRST.query}"
        for first, statuses in ((SWITCHING, {101}), (ServerError(503), {502, 503})):
            self._plays(first)
            with Wire(self._proxy.port) as wire:
                wire.send(request("GET", target, fields))
                _, status, reason, told = wire.head()
                assert status in statuses, (first, status)
                self._left.answered(Response("", status, reason, told, b"", True))
            self._reached()

    def _hung_up(self) -> None:
        """The app goes in the middle of a stream."""
        self._plays(Stall(3))
        fields = TO_FIRST.fields(signed=False)
        target = f"/{PROXY_TOKEN.value}/openai/v1/chat/completions{TO_FIRST.query}"
        with Wire(self._proxy.port) as wire:
            wire.send(request("POST", target, fields, _chat("gpt-4o", stream=True)))
            assert wire.head()[1] == 200
        self._first.until(lambda came: came[0].left_at is not None)
        self._reached()


def _tunnelling() -> Fields:
    return [("Proxy-Authorization", f"Bearer {PROXY_TOKEN.value}")]


def _chat(model: str, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": "Hi"}]
    return orjson.dumps({"model": model, "messages": messages, "stream": stream})
