"""`understudy serve`: runs the proxy until SIGTERM or SIGINT, then drains; a second one hurries."""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from proxy.app import App, NotStarted
from proxy.cli.flags import Flags
from proxy.cli.serving import add_serve_flags, settings_of
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.policy.complaint import PolicyError
from proxy.policy.snapshot import Snapshot
from proxy.running import Ready
from proxy.settings import Settings

GC_THRESHOLD = 10_000
"""Objects between two runs of the collector: a call makes hundreds, and leaves no cycles."""

DESCRIPTORS = 65_536
"""Asked for where the machine sets no limit: a call takes two, shells allow a thousand."""


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("serve", help="run the proxy until SIGTERM or SIGINT")
    add_serve_flags(Flags(parser, environ))
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0 after a clean stop; 2 when a policy or setting is wrong; 1 when it could not start."""
    settings = settings_of(chosen)
    try:
        snapshot = load_paths(settings.policies, os.environ)
    except (PolicyError, NoPolicy, OSError) as error:
        for complaint in complaints_of(error):
            print(complaint, file=sys.stderr)
        return 2
    gc.set_threshold(GC_THRESHOLD)
    _set_limits()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, snapshot))
    except NotStarted as error:
        print(f"understudy: {error}", file=sys.stderr)
        return 1
    return 0


def _set_limits() -> None:
    """No core dump, which would have every key in it, and as many descriptors as this process may
    have. Where that cannot be changed, it stays as it is."""
    if sys.platform == "win32":
        return  # it knows no such limit
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _loop_factory() -> Any:
    if sys.platform == "win32":
        return None  # uvloop is not made for it
    import uvloop

    return uvloop.new_event_loop


async def _serve(settings: Settings, snapshot: Snapshot) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    app = App(settings, snapshot, os.environ)

    def asked_to_stop() -> None:
        if stopping.is_set():
            app.hurry()
        stopping.set()

    _on_signals(loop, asked_to_stop, app.reload_soon)
    try:
        ready = await app.start()
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again
        _announce(ready)
        await stopping.wait()
    finally:
        await app.stop(settings.drain_s)


def _on_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
) -> None:
    """SIGHUP is taken as daemons take it, where there is one."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":  # whose loops take no handlers
            signal.signal(number, lambda _, __: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, reload)


def _announce(ready: Ready) -> None:
    """Tell whoever started us that we run. Raises NotStarted where nobody can be told."""
    try:
        print(ready, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails at its end
        raise NotStarted(f"stdout takes no line: {error.strerror}") from error
