r"""The data port: every request comes in and goes out here, whichever way it took.

request -> gate -> identify -> take_in -> Call -> engine -> Reply -> relay
              \-> CONNECT: connect, and then the requests inside come the same way
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohttp.web import BaseRequest, StreamResponse

from proxy.capture.answer.early import Early
from proxy.capture.answer.interim import interim_writer
from proxy.capture.answer.relay import relay, stop
from proxy.capture.connection.server import Server, protocol_of
from proxy.capture.duties import check_loops, own_answer
from proxy.capture.gate import Gate
from proxy.capture.identify import Place, identify
from proxy.capture.intake import take_in
from proxy.capture.limits import Limits
from proxy.capture.refused import Refused
from proxy.capture.tunnels.certificates import Certificates
from proxy.capture.tunnels.connect import Ways
from proxy.capture.tunnels.inside import Inside
from proxy.capture.tunnels.opening import Opening
from proxy.capture.tunnels.pinning import Pinning
from proxy.capture.tunnels.pulses import Pulses
from proxy.capture.tunnels.reach import Reach
from proxy.capture.tunnels.switch import upgrade_of
from proxy.core.call import Call, Trace
from proxy.core.clock import Clock, Dice
from proxy.core.event import TurnedAway
from proxy.core.failure import Hop
from proxy.core.headers import Headers
from proxy.core.journal import Hear, Journal
from proxy.dialects.recognise import dialect_named
from proxy.engine.compile import Program
from proxy.engine.serve import Engine, serve
from proxy.resilience.deadline import kept_alive
from proxy.upstream.dial import Dialler
from proxy.upstream.via import Signature

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
        *,
        gate: Gate,
        limits: Limits,
        certificates: Certificates,
        dialler: Dialler,
        via: Signature,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._dice = dice
        self._hear = hear
        self._trace_for = trace_for
        self._gate = gate
        self._limits = limits
        self._via = via
        self._server = Server(self._handle, hear, limits)
        pinning, pulses = Pinning(hear), Pulses(clock)
        self._reach = Reach(engine, dialler, pinning)
        self._opening = Opening(engine, self._server, certificates, pinning, pulses, hear)
        self.ways = Ways(self._reach, self._opening, pulses, clock, hear)
        self.pinning = pinning
        self._draining = False
        self._running: set[asyncio.Task[object]] = set()
        self._kept = _Sent(keep_alive=True)
        self._closed = _Sent(keep_alive=False)
        self._sockets: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port in use, also when 0 asked for a free one. Raises OSError."""
        self._sockets = await asyncio.get_running_loop().create_server(
            self._server, host, port, backlog=1024
        )
        self._reach.loopback = all(_is_loopback(s.getsockname()[0]) for s in self._sockets.sockets)
        return int(self._sockets.sockets[0].getsockname()[1])

    def know_own_ports(self, ports: Mapping[int, str]) -> None:
        """Tell it what this process listens on, so that nobody is sent round in a circle."""
        self._reach.own_ports = ports

    async def _handle(self, request: BaseRequest) -> StreamResponse:
        program = self._engine.program
        task = asyncio.current_task()
        assert task is not None  # aiohttp runs every handler in a task
        self._running.add(task)
        try:
            inside, target = protocol_of(request).inside, request.raw_path
            if inside is None:  # else it was asked for the token at its CONNECT
                target = self._gate.admit(request.method, target, request.headers)
            else:
                self._opening.asked(inside)
            check_loops(request.headers, self._via)
            if (answer := own_answer(request, target, inside)) is not None:
                return answer
            place = self._place(request, target, program, inside)
            if place is None:
                request.content.feed_eof()  # what follows is no body that would have to be read
                with suppress(ConnectionError):  # the app has gone: there is nobody to tell
                    await self.ways.connect(request)
                return self._closed
            return await self._serve(request, program, place)
        except Refused as refused:
            return self._server.refuse(request, refused)
        finally:
            self._running.discard(task)

    def _place(
        self, request: BaseRequest, target: str, program: Program, inside: Inside | None
    ) -> Place | None:
        """Where `request` goes; None for a CONNECT. Raises Refused."""
        reach = self._reach
        return identify(
            request.method,
            target,
            request.headers,
            program,
            reach.own_ports,
            reach.loopback,
            inside,
        )

    async def _serve(self, request: BaseRequest, program: Program, place: Place) -> StreamResponse:
        body, rest = await take_in(
            request, program.snapshot.replay_limit, self._limits, self._clock
        )
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
            upgrade=upgrade_of(request),
            interim=interim_writer(request),
        )
        early = None
        if kept_alive(call, dialect):
            early = Early(request, call, dialect.comment, self._clock)
        try:
            reply = await serve(program, call, known=place.known)
        finally:
            if early is not None:
                early.stop()
        if reply.broke is not None and reply.broke.hop is Hop.PROHIBITED:
            told = TurnedAway(place.face, reply.status, "forbidden_address", reply.broke.message)
            self._hear(told, None)
        kept = await relay(
            request, call, reply, dialect, early, last=self._draining, clock=self._clock
        )
        return self._kept if kept else self._closed

    def end_running(self) -> None:
        """End what runs, in-band; a drain has nothing to wait for then."""
        for task in tuple(self._running):
            stop(task)

    async def drain(self, wait_s: float) -> None:
        """Stop accepting, let what runs end by itself for `wait_s`, end the rest in-band."""
        if self._sockets is None:
            return
        self._draining = True
        self._sockets.close()
        self.ways.end_quiet()
        if self._running:
            await asyncio.wait(self._running, timeout=wait_s)
        self.end_running()
        self._server.pre_shutdown()  # those that wait for a request need not be waited for
        await self._server.shutdown(timeout=1.0)
        await self._sockets.wait_closed()


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")
