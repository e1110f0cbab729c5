"""The life of a proxy and of the program that it is for.

start proxy -> ready -> start CMD -> ... -> CMD ended -> stop proxy
                 ^                    |
                 +-- after a while <--+ proxy ended: again, on the same ports
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import Empty

from proxy.launch.order import NotStarted, Order, Where
from proxy.launch.pace import QUICK_DEATHS, SLOW_S, Pace
from proxy.launch.process import Process, start_command, start_proxy, watch
from proxy.launch.report import Came, Ended, Report, Reports, Spoke
from proxy.launch.signals import Signals

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""As shells have it."""

GRACE_S = 10.0
"""After its drain, a proxy that has not ended yet is killed."""

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_READY = "understudy ready "


class Supervisor:
    """Runs one Order, once. `say` tells the person at the terminal."""

    def __init__(
        self,
        order: Order,
        reports: Reports,
        signals: Signals,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._order = order
        self._reports = reports
        self._signals = signals
        self._say = say
        self._clock = clock
        self._proxy: Process | None = None
        self._started_at = 0.0
        self._pace = Pace()
        self._again_at: float | None = None

    def run(self, environ_for: Callable[[Where], Mapping[str, str]]) -> int:
        """How CMD ended: its status, or less than 0 for a signal. `environ_for` says what CMD's
        environment is, once it is known where the proxy listens.

        Raises NotStarted. However it ends, the proxy has ended before.
        """
        try:
            self._start_first()
            where = self._until_ready()
            self._order = replace(
                self._order, listen=_address(where.listen), admin=_address(where.admin)
            )
            return self._while_it_runs(environ_for(where))
        finally:
            self._stop()

    def _start_first(self) -> None:
        try:
            self._start()
        except OSError as error:
            self._say(_not_started(error))
            raise NotStarted(1) from error

    def _start_again(self) -> None:
        try:
            self._start()
        except OSError as error:  # no process or memory to be had: that may pass
            self._lost(_not_started(error))

    def _start(self) -> None:
        order = self._order
        ports = ("--listen", order.listen, "--admin", order.admin)
        self._started_at = self._clock()
        self._again_at = None
        with self._signals.unblocked():
            self._proxy = start_proxy((*order.flags, *ports), order.folder)
        watch(self._proxy, self._reports)

    def _until_ready(self) -> Where:
        while True:
            match self._next():
                case Spoke(line=line) if line.startswith(_READY):
                    return Where.of(line)
                case Ended(status=status):
                    self._proxy = None
                    raise NotStarted(status)
                case Came(number=number) if number in _ENDING:
                    raise NotStarted(-number)

    def _while_it_runs(self, environ: Mapping[str, str]) -> int:
        try:
            with self._signals.unblocked():
                command = start_command(self._order.command, environ)
        except OSError as error:
            return self._not_run(error)
        watch(command, self._reports)
        while True:
            match self._next():
                case Came() as came if not came.from_terminal:
                    command.send_signal(came.number)
                case Ended(pid, status) if pid == command.pid:
                    return status
                case Ended(status=status):
                    self._lost(f"the proxy has ended {_how(status)}")
                case None:
                    self._start_again()

    def _not_run(self, error: OSError) -> int:
        name = self._order.command[0]
        if isinstance(error, FileNotFoundError):
            self._say(f"{name}: there is no such command")
            return NOT_FOUND
        self._say(f"{name}: cannot be run: {error.strerror}")
        return NOT_EXECUTABLE

    def _lost(self, why: str) -> None:
        """There is no proxy, and CMD runs on."""
        self._proxy = None
        self._pace = self._pace.after(self._clock() - self._started_at)
        self._again_at = self._clock() + self._pace.wait_s
        again = "it is started again on the same ports"
        if self._pace.hopeless:
            again = (
                f"{QUICK_DEATHS} times in a row it has not lived long: it is tried again every "
                f"{SLOW_S:.0f} s, on the same ports"
            )
        self._say(f"{why}; {again}")

    def _next(self) -> Report | None:
        """What happens next; None when it is time to start the proxy again."""
        wait_s = None
        if self._again_at is not None:
            wait_s = max(0.0, self._again_at - self._clock())
        try:
            return self._reports.get(timeout=wait_s)
        except Empty:
            return None

    def _stop(self) -> None:
        """Have the proxy end: its drain, at most, and less when somebody cannot wait."""
        self._again_at = None
        if self._proxy is None:
            return
        self._proxy.send_signal(signal.SIGTERM)
        until = self._clock() + self._order.drain_s + GRACE_S
        while (left_s := until - self._clock()) > 0:
            try:
                match self._reports.get(timeout=left_s):
                    case Ended(pid=pid) if pid == self._proxy.pid:
                        return
                    case Came(number=number) if number in _ENDING:
                        self._proxy.send_signal(signal.SIGTERM)
            except Empty:
                break
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended just now
            os.killpg(self._proxy.pid, signal.SIGKILL)
        self._proxy.wait()


def _address(url: str) -> str:
    return url.removeprefix("http://")


def _not_started(error: OSError) -> str:
    return f"the proxy cannot be started: {error.strerror}"


def _how(status: int) -> str:
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with status {status}"
