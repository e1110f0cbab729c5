"""Puts changed policy files in force while calls run, and never loses the last good set.

a change on the disk, or POST /reload
  -> read -> parse and check -> compile -> swap one reference      PolicyLoaded
                 |
                 +-- wrong: nothing changes                        PolicyRefused
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from proxy.core.event import PolicyLoaded, PolicyRefused
from proxy.engine.compile import Program, compile_program
from proxy.engine.files import NoPolicy, read_sources, watched
from proxy.engine.parts import Parts
from proxy.engine.serve import Engine
from proxy.policy.complaint import PolicyError
from proxy.policy.load import load
from proxy.policy.snapshot import Snapshot
from proxy.upstream.tls import look

SETTLE_MS = 50
"""Changes are gathered until none came for so long."""

GATHER_MS = 400
"""A file that keeps changing is read after so long all the same: within the promised second."""

POLL_S = 0.8
"""Where files cannot be watched, they are read so often: within the promised second."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """When the set in force came into force, and what was wrong with the newest if it did not."""

    at: float
    complaints: tuple[str, ...] = ()


def load_paths(paths: Sequence[Path], environ: Mapping[str, str]) -> Snapshot:
    """The snapshot of all policy files that `paths` name, and of the files that those name for TLS.
    Raises PolicyError, NoPolicy, OSError."""
    return load(read_sources(paths), environ, look)


class Reloader:
    """Holds the engine's program up to date with the files of `paths`."""

    def __init__(
        self,
        engine: Engine,
        paths: Sequence[Path],
        environ: Mapping[str, str],
        parts: Parts,
        applied: Callable[[Snapshot], None],
    ) -> None:
        """`applied` is told each snapshot that came into force after the first."""
        self._engine = engine
        self._paths = tuple(paths)
        self._environ = environ
        self._parts = parts
        self._hear = parts.hear
        self._applied = applied
        self._stop = asyncio.Event()
        self._lock = asyncio.Lock()
        self.loaded = Loaded(time.time())

    async def watch(self) -> None:
        """Reload whenever the files change, until `stop`."""
        while not self._stop.is_set():
            folders = await asyncio.to_thread(self._folders)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(folders))
                await asyncio.sleep(0)  # now it watches: what changed before is read by us
                await self.reload()

    def _folders(self) -> frozenset[Path]:
        """Where a change of the files shows, those for TLS that the set in force names too."""
        upstreams = self._engine.program.snapshot.upstreams.values()
        named = {file for each in upstreams if each.tls is not None for file in each.tls.files}
        return watched((*self._paths, *map(Path, sorted(named))))

    async def _follow(self, folders: frozenset[Path]) -> None:
        """Reload whenever something changes in `folders`, as long as it is they that matter."""
        try:
            async for changes in awatch(
                *folders,
                watch_filter=None,
                debounce=GATHER_MS,
                step=SETTLE_MS,
                stop_event=self._stop,
                recursive=False,
            ):
                await self.reload()
                swapped = any(Path(path) in folders for _, path in changes)
                if swapped or await asyncio.to_thread(self._folders) != folders:
                    return  # a folder or a link was swapped: the files are elsewhere now
        except FileNotFoundError:
            return  # one of them went while we looked
        except (OSError, RuntimeError):
            # watchfiles' word for a system that has no watch left to give (descriptors, inotify's
            # limits): the files are read after each such wait, and then watching is tried again.
            await asyncio.sleep(POLL_S)

    def stop(self) -> None:
        self._stop.set()

    async def reload(self) -> tuple[str, ...]:
        """Read everything anew; the complaints that keep the old set in force, none if all is well.

        A change that leaves the effective content alone changes nothing and is not announced.
        """
        async with self._lock:
            try:
                snapshot = await asyncio.to_thread(self._load)
                program = compile_program(snapshot, self._parts)
            except (PolicyError, NoPolicy, OSError) as error:
                complaints = complaints_of(error)
                if complaints != self.loaded.complaints:
                    self.loaded = Loaded(self.loaded.at, complaints)
                    self._hear(PolicyRefused(complaints), None)
                return complaints
            self._put_in_force(program)
            return ()

    def _load(self) -> Snapshot:
        snapshot = load_paths(self._paths, self._environ)
        self._parts.prepare(snapshot)
        return snapshot

    def _put_in_force(self, program: Program) -> None:
        snapshot = program.snapshot
        if snapshot.digest == self._engine.program.snapshot.digest and not self.loaded.complaints:
            return
        self._parts.standings.configure(snapshot.upstreams.values())
        self._engine.swap(program)
        self.loaded = Loaded(time.time())
        self._applied(snapshot)
        self._hear(PolicyLoaded(snapshot.digest, snapshot.files, snapshot.warnings), None)


def complaints_of(error: PolicyError | NoPolicy | OSError) -> tuple[str, ...]:
    """One line for each thing that is wrong."""
    if isinstance(error, PolicyError):
        return tuple(str(complaint) for complaint in error.complaints)
    return (str(error),)
