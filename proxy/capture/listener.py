"""The data port: every request comes in and goes out here, whichever way it took.

request -> identify -> take_in -> Call -> engine -> Reply -> relay
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp.web import BaseRequest, StreamResponse

from proxy.capture.early import Early
from proxy.capture.identify import Place, Refused, identify
from proxy.capture.intake import take_in
from proxy.capture.relay import relay, stop
from proxy.capture.server import Server, refusal
from proxy.core.call import Call, Trace
from proxy.core.clock import Clock, Dice
from proxy.core.headers import FIELD_COUNT, LINE_BYTES, Headers
from proxy.core.journal import Hear, Journal
from proxy.dialects.recognise import dialect_named
from proxy.engine.compile import Program
from proxy.engine.serve import Engine, serve
from proxy.resilience.deadline import kept_alive

KEEPALIVE_S = 75.0
"""How long an app's idle connection is kept: longer than SDKs keep theirs, so they close it."""

_RAW = dialect_named("raw")


class _Sent(StreamResponse):
    """What aiohttp's server is given for an answer that the relay has sent already."""

    def __init__(self, keep_alive: bool) -> None:
        super().__init__()
        self._kept = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._kept

    async def prepare(self, request: BaseRequest) -> None:
        """Nothing is left to send."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


class Listener:
    """Serves the data port. `open`, then `drain`."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        dice: Dice,
        hear: Hear,
        trace_for: Callable[[Headers], Trace | None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._dice = dice
        self._hear = hear
        self._trace_for = trace_for
        self._own_ports: Mapping[int, str] = {}
        self._loopback = True
        self._draining = False
        self._running: set[asyncio.Task[object]] = set()
        self._kept = _Sent(keep_alive=True)
        self._closed = _Sent(keep_alive=False)
        self._server: Server | None = None
        self._sockets: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port in use, also when 0 asked for a free one. Raises OSError."""
        self._server = Server(
            self._handle,
            self._hear,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_S,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
            max_headers=FIELD_COUNT,
        )
        self._sockets = await asyncio.get_running_loop().create_server(
            self._server, host, port, backlog=1024
        )
        self._loopback = all(_is_loopback(s.getsockname()[0]) for s in self._sockets.sockets)
        return int(self._sockets.sockets[0].getsockname()[1])

    def know_own_ports(self, ports: Mapping[int, str]) -> None:
        """Tell it what this process listens on, so that nobody is sent round in a circle."""
        self._own_ports = ports

    async def _handle(self, request: BaseRequest) -> StreamResponse:
        program = self._engine.program
        try:
            place = self._place(request, program)
        except Refused as refused:
            if request.method == "CONNECT":
                request.content.feed_eof()  # what follows is no body that would have to be read
            return refusal(refused)
        task = asyncio.current_task()
        assert task is not None  # aiohttp runs every handler in a task
        self._running.add(task)
        try:
            body, rest = await take_in(request)
            dialect = program.dialects.get(place.upstream, _RAW)
            origin = program.origins.get(place.upstream)
            path = place.path.removeprefix(origin.prefix) if origin else place.path
            operation = dialect.recognise(request.method, path)
            asked = dialect.read(operation, path, body)
            call_id = f"us-{self._dice.bits(64):016x}"
            call = Call(
                id=call_id,
                method=request.method,
                upstream=place.upstream,
                path=place.path,
                headers=request.headers,
                body=body,
                face=place.face,
                dialect=dialect.name,
                operation=operation,
                model=asked.model,
                stream=asked.stream,
                journal=Journal(call_id, self._clock, self._hear),
                rest=rest,
                trace=self._trace_for(request.headers),
                stateful=asked.stateful,
                chunks=request.version >= (1, 1),
            )
            early = None
            if kept_alive(call, dialect):
                early = Early(request, call, dialect.comment, self._clock)
            try:
                reply = await serve(program, call, known=place.known)
            finally:
                if early is not None:
                    early.stop()
            kept = await relay(request, call, reply, dialect, early, last=self._draining)
        finally:
            self._running.discard(task)
        return self._kept if kept else self._closed

    def _place(self, request: BaseRequest, program: Program) -> Place:
        """Where `request` goes under the policy of `program`. Raises Refused."""
        policy = program.snapshot.passthrough
        passthrough = self._loopback if policy is None else policy == "allow"
        return identify(
            request.method,
            request.raw_path,
            request.headers,
            program,
            self._own_ports,
            passthrough,
        )

    def end_running(self) -> None:
        """End what runs, in-band; a drain has nothing to wait for then."""
        for task in tuple(self._running):
            stop(task)

    async def drain(self, wait_s: float) -> None:
        """Stop accepting, let what runs end by itself for `wait_s`, end the rest in-band."""
        if self._sockets is None or self._server is None:
            return
        self._draining = True
        self._sockets.close()
        if self._running:
            await asyncio.wait(self._running, timeout=wait_s)
        self.end_running()
        await self._server.shutdown(timeout=1.0)
        await self._sockets.wait_closed()


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")
