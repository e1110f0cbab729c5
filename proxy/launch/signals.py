"""Signals that are sent to us, as reports: they are meant for CMD.

CMD is in our process group, so a terminal sends it Ctrl-C without us, and whoever passed that on
would have it come twice. Linux tells who sent a signal, the kernel or a process, to those who wait
for it; elsewhere, one that terminals send is taken for theirs while we are in the foreground.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from proxy.launch.report import Came, Reports

PASSED_ON = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTERM,
    signal.SIGCONT,
    signal.SIGWINCH,
)
"""Those that ask a program for something. SIGTSTP is in no need of help: it stops us and CMD."""

_OF_TERMINALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)
_SI_KERNEL = 0x80
"""`si_code` of a signal that the kernel sent: here, for a terminal (sigaction(2))."""


class Signals:
    """`with Signals(reports):` every signal of PASSED_ON becomes a report. Those that we were told
    to ignore (nohup, a shell's `&`) stay ignored, by CMD too."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._ours = {
            number for number in PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN
        }

    def __enter__(self) -> Self:
        for number in self._ours:
            signal.signal(number, self._guess)
        if sys.platform == "linux":
            signal.pthread_sigmask(signal.SIG_BLOCK, self._ours)
            threading.Thread(target=self._listen, name="signals", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What comes from here on came too late: CMD has ended."""
        for number in self._ours:
            signal.signal(number, signal.SIG_IGN)
        if sys.platform == "linux":
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._ours)

    @contextmanager
    def unblocked(self) -> Iterator[None]:
        """A process that is started here has no signal blocked. (A thread would not either, and be
        given what is not for it.) One that comes meanwhile is handled."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._ours)
        try:
            yield
        finally:
            if sys.platform == "linux":
                signal.pthread_sigmask(signal.SIG_BLOCK, self._ours)

    def _listen(self) -> None:
        while sys.platform == "linux":
            heard = signal.sigwaitinfo(self._ours)
            self._reports.put(Came(heard.si_signo, heard.si_code == _SI_KERNEL))

    def _guess(self, number: int, frame: FrameType | None) -> None:
        self._reports.put(Came(number, number in _OF_TERMINALS and in_foreground()))


def in_foreground() -> bool:
    """Whether what is typed at our terminal is for our process group; False without a terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
