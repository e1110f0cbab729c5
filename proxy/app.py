"""Builds every part of the program and passes each what it needs. Nothing else makes a part."""

import asyncio
import contextlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp.http
import aiohttp.http_parser

from proxy.admin.api import Api
from proxy.admin.view import Sights
from proxy.capture.gate import Gate
from proxy.capture.listener import Listener
from proxy.capture.redirected.transparent import NotHere, Redirected
from proxy.capture.tunnels.certificates import Certificates
from proxy.core.clock import SystemClock, SystemDice
from proxy.core.event import AuthorityIssued, PolicyLoaded
from proxy.core.failure import Failure
from proxy.engine.compile import compile_program
from proxy.engine.reload import Reloader
from proxy.engine.serve import Engine
from proxy.living import Living
from proxy.policy.snapshot import Snapshot
from proxy.running import Ready, forget, note
from proxy.settings import Settings
from proxy.telemetry.descriptor import STDERR, Descriptor
from proxy.telemetry.hub import Telemetry
from proxy.telemetry.log import Log
from proxy.telemetry.story import Server
from proxy.trust.error import NotTrustworthy

FLUSH_S = 3.0
"""How long traces and log lines may take to leave when the process stops."""

VERSION = version("understudy")


class NotStarted(Exception):
    """Why the program cannot run here; the message says what to do."""


def refuse_slow_parser() -> None:
    """aiohttp's pure-Python parser is slow, and laxer than its C one about smuggled requests."""
    if aiohttp.http_parser.HttpRequestParser is aiohttp.http_parser.HttpRequestParserPy:
        raise NotStarted(
            "aiohttp runs without its C extensions: unset AIOHTTP_NO_EXTENSIONS and install a "
            "wheel of aiohttp for this platform (pip install --force-reinstall aiohttp)"
        )


class App:
    """The running program. Made inside the event loop; `start`, then `stop`."""

    def __init__(self, settings: Settings, snapshot: Snapshot, environ: Mapping[str, str]) -> None:
        refuse_slow_parser()
        self._settings = settings
        self._log = Log(Descriptor(STDERR), settings.log_format, settings.log_level)
        self._clock, dice = SystemClock(), SystemDice()
        self._telemetry = Telemetry(
            self._clock, dice, environ, version=VERSION, servers=self._server_of, log=self._log
        )
        hear = self._telemetry.hear
        self._living = Living(snapshot.backend, self._clock, dice, hear)
        parts = self._living.parts
        self._engine = Engine(compile_program(snapshot, parts))
        self._reloader = Reloader(self._engine, settings.policies, environ, parts, self._applied)
        self._certificates = Certificates(
            settings.ca_dir, lambda: self._engine.program.snapshot.hosts, environ, hear
        )
        self._listener = Listener(
            self._engine,
            self._clock,
            dice,
            hear,
            self._telemetry.trace_for,
            gate=Gate(settings.proxy_token),
            limits=settings.limits,
            certificates=self._certificates,
            dialler=self._living.dialler,
            via=self._living.via,
        )
        self._redirected = Redirected(
            self._listener.ways, self._clock, hear, settings.limits.connections
        )
        sights = Sights(
            self._engine,
            self._reloader,
            parts.standings,
            self._living.prober,
            parts.store,
            self._living.model,
            self._telemetry,
            self._listener.pinning.hosts,
        )
        self._api = Api(sights, settings.admin_token)
        self._watching: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[tuple[str, ...]] | None = None
        self._covering: asyncio.Task[None] | None = None
        hear(PolicyLoaded(snapshot.digest, snapshot.files, snapshot.warnings), None)

    def _applied(self, snapshot: Snapshot) -> None:
        self._living.model.configure(snapshot.backend)
        self._living.prober.configure(snapshot.upstreams.values())
        self._listener.pinning.forget()
        self._covering = asyncio.create_task(self._cover(snapshot), name="certificates")
        self._covering.add_done_callback(_unless_cancelled)

    async def _cover(self, snapshot: Snapshot) -> None:
        """Have the local CA stand for the hosts of a new policy."""
        try:
            await self._certificates.cover()
        except NotTrustworthy as error:
            failed = AuthorityIssued(
                str(self._settings.ca_dir), tuple(snapshot.hosts), renewed=True, error=str(error)
            )
            self._telemetry.hear(failed, None)

    def _server_of(self, target: str) -> Server | None:
        program = self._engine.program
        origin = program.origins.get(target)
        if origin is None:
            return None
        return Server(program.dialects[target].name, origin.host, origin.port)

    async def start(self) -> Ready:
        """Listen on all ports. Raises NotStarted when one cannot be had, or the CA is not safe."""
        settings = self._settings
        try:
            await asyncio.to_thread(_check_ca, settings.ca_dir)
        except NotTrustworthy as error:
            raise NotStarted(str(error)) from error
        admin_port = await _open(self._api, settings.admin.host, settings.admin.port, "--admin")
        port = await _open(self._listener, settings.listen.host, settings.listen.port, "--listen")
        own_ports = {port: "listen", admin_port: "admin"}
        if settings.transparent is not None:
            own_ports[await self._open_transparent(settings.transparent)] = "transparent"
        self._listener.know_own_ports(own_ports)
        self._redirected.know_own_ports(own_ports)
        snapshot = self._engine.program.snapshot
        self._living.prober.configure(snapshot.upstreams.values())
        self._watching = asyncio.create_task(self._reloader.watch(), name="policy watch")
        self._watching.add_done_callback(_unless_cancelled)
        if snapshot.backend.load == "start":
            # Why it could not be is in the log and in /status; other calls are served all the same.
            with contextlib.suppress(Failure):
                await self._living.model.load()
        self._api.ready(True)
        ready = Ready(
            settings.listen.url(port),
            settings.admin.url(admin_port),
            len(snapshot.files),
            snapshot.digest,
        )
        note(settings.state_dir, ready)
        return ready

    async def _open_transparent(self, port: int) -> int:
        try:
            return await self._redirected.open(port)
        except NotHere as error:
            raise NotStarted(str(error)) from error
        except OSError as error:
            raise _not_had("--transparent", f"{port}", "PORT", error) from error

    def hurry(self) -> None:
        """End running answers now: a `stop` does not wait for the rest of its drain."""
        self._listener.end_running()
        self._redirected.end_running()

    def reload_soon(self) -> None:
        """Read the policies again, like a change on the disk."""
        self._reloading = asyncio.create_task(self._reloader.reload(), name="policy reload")
        self._reloading.add_done_callback(_unless_cancelled)

    async def stop(self, drain_s: float) -> None:
        """Stop accepting, let running answers end, give everything back."""
        self._api.ready(False)
        await asyncio.gather(self._listener.drain(drain_s), self._redirected.drain(drain_s))
        self._reloader.stop()
        at_work = [task for task in (self._watching, self._reloading, self._covering) if task]
        for task in at_work:
            task.cancel()
        if at_work:
            await asyncio.wait(at_work)
        await self._api.close()
        await self._living.close()
        forget(self._settings.state_dir)
        await asyncio.to_thread(self._telemetry.close, FLUSH_S)
        self._log.close(FLUSH_S)


def _check_ca(folder: Path) -> None:
    """Raises NotTrustworthy where there is a CA that others have access to."""
    if folder.exists():
        from proxy.trust.authority import check  # 8 MiB, for those who have a CA

        check(folder)


async def _open(port: Listener | Api, host: str, number: int, flag: str) -> int:
    try:
        return await port.open(host, number)
    except OSError as error:
        raise _not_had(flag, f"{host}:{number}", "HOST:PORT", error) from error


def _not_had(flag: str, given: str, form: str, error: OSError) -> NotStarted:
    """Why a port cannot be listened on."""
    return NotStarted(
        f"{flag} {given} cannot be listened on: {error.strerror or error}; "
        f"give another with {flag} {form} (port 0 picks a free one)"
    )


def _unless_cancelled(task: asyncio.Task[Any]) -> None:
    """A watch that ended with an error must not end in silence: asyncio logs it when asked."""
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"{task.get_name()} has failed", "exception": error, "task": task}
        )
