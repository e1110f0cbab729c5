"""The life of a proxy that does not live long, on a clock that jumps."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from queue import Empty
from types import SimpleNamespace

import pytest

from proxy.launch.order import NotStarted, Order, Where
from proxy.launch.pace import SLOW_S
from proxy.launch.report import Came, Ended, Report, Spoke
from proxy.launch.supervise import Supervisor

CMD = 1
READY = "understudy ready listen=http://127.0.0.1:81 admin=http://127.0.0.1:82 policies=1 digest=x"
LIVES_S = 0.5


class Stage:
    """Queue, clock, signals and processes: what happens is told at its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ends_at_s: float) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.started: list[tuple[float, tuple[str, ...]]] = []
        self.sent: list[int] = []
        self.coming: list[tuple[float, Report]] = [(ends_at_s, Ended(CMD, 7))]
        self.ready = True
        for name in ("start_proxy", "start_command", "watch"):
            monkeypatch.setattr(f"proxy.launch.supervise.{name}", getattr(self, name))

    def get(self, timeout: float | None = None) -> Report:
        self.coming.sort(key=lambda coming: coming[0])
        at, report = self.coming[0]
        if timeout is not None and at > self.now + timeout:
            self.now += timeout
            raise Empty
        self.now = max(self.now, at)
        self.coming.pop(0)
        return report

    @contextmanager
    def unblocked(self) -> Iterator[None]:
        yield

    def watch(self, process: object, reports: object) -> None:
        return

    def start_proxy(self, flags: tuple[str, ...], folder: str) -> SimpleNamespace:
        pid = 10 + len(self.started)
        self.started.append((self.now, flags))
        if self.ready:
            self.coming.append((self.now, Spoke(pid, READY)))
        self.coming.append((self.now + LIVES_S, Ended(pid, 1)))
        return SimpleNamespace(pid=pid, send_signal=lambda number: None, wait=lambda: None)

    def start_command(self, command: object, environ: object) -> SimpleNamespace:
        return SimpleNamespace(pid=CMD, send_signal=self.sent.append)

    def run(self) -> int:
        order = Order(["cmd"], ("--flag",), "127.0.0.1:0", "127.0.0.1:0", "", 10.0)
        supervisor = Supervisor(order, self, self, self.said.append, lambda: self.now)  # type: ignore[arg-type]
        return supervisor.run(lambda where: {"where": where.listen})


def test_it_is_started_ever_more_slowly_and_never_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch, ends_at_s=100.0)
    assert stage.run() == 7
    times = [at for at, _ in stage.started]
    pauses = [round(b - a - LIVES_S, 3) for a, b in pairwise(times)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, SLOW_S, SLOW_S, SLOW_S]
    assert len(stage.said) == len(times), "one line for each end"
    assert stage.said[0] == (
        "the proxy has ended with status 1; it is started again on the same ports"
    )
    assert "6 times in a row it has not lived long: it is tried again every 30 s" in stage.said[5]


def test_what_keeps_it_from_being_started_again_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process to be had, say: CMD runs on, and it is tried as slowly as when it ends at once."""
    stage = Stage(monkeypatch, ends_at_s=100.0)
    monkeypatch.setattr("tests.launch.test_supervise.LIVES_S", 60.0)
    start, tried = stage.start_proxy, list[float]()

    def scarce(flags: tuple[str, ...], folder: str) -> SimpleNamespace:
        tried.append(stage.now)
        if 1 < len(tried) < 4:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return start(flags, folder)

    monkeypatch.setattr("proxy.launch.supervise.start_proxy", scarce)
    assert stage.run() == 7
    assert tried == pytest.approx([0.0, 60.1, 60.3, 60.7])
    assert stage.said[1] == (
        "the proxy cannot be started: Resource temporarily unavailable; "
        "it is started again on the same ports"
    )


def test_without_a_first_proxy_the_program_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, ends_at_s=1.0)

    def never(flags: tuple[str, ...], folder: str) -> SimpleNamespace:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr("proxy.launch.supervise.start_proxy", never)
    with pytest.raises(NotStarted) as caught:
        stage.run()
    assert caught.value.status == 1
    assert stage.said == ["the proxy cannot be started: No such file or directory"]


def test_the_first_ports_are_any_and_the_others_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, ends_at_s=1.0)
    assert stage.run() == 7
    first, *others = [flags for _, flags in stage.started]
    assert first == ("--flag", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert others == [("--flag", "--listen", "127.0.0.1:81", "--admin", "127.0.0.1:82")]


def test_signals_are_passed_on_unless_a_terminal_sent_them(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, ends_at_s=1.0)
    stage.coming += [
        (0.1, Came(signal.SIGINT, from_terminal=True)),
        (0.2, Came(signal.SIGTERM, from_terminal=False)),
        (0.3, Came(signal.SIGINT, from_terminal=False)),
    ]
    stage.run()
    assert stage.sent == [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize(
    ("report", "status"),
    [(Ended(10, 2), 2), (Came(signal.SIGINT, from_terminal=True), -signal.SIGINT)],
)
def test_what_happens_before_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, report: Report, status: int
) -> None:
    stage = Stage(monkeypatch, ends_at_s=100.0)
    stage.ready = False
    stage.coming.append((0.1, report))
    with pytest.raises(NotStarted) as caught:
        stage.run()
    assert caught.value.status == status
    assert len(stage.started) == 1


@pytest.mark.parametrize("gone", [None, ProcessLookupError, PermissionError])
def test_a_proxy_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, gone: type[OSError] | None
) -> None:
    """It may have ended just now: on macOS nobody has the right to kill what is dead."""
    stage = Stage(monkeypatch, ends_at_s=0.1)
    monkeypatch.setattr("tests.launch.test_supervise.LIVES_S", 1000.0)
    killed: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        killed.append((pid, number))
        if gone is not None:
            raise gone

    monkeypatch.setattr(os, "killpg", kill)
    assert stage.run() == 7
    assert killed == [(10, signal.SIGKILL)]
    assert stage.now == pytest.approx(0.1 + 10.0 + 10.0)


def test_where_it_listens_is_read_from_its_line() -> None:
    assert Where.of(READY) == Where("http://127.0.0.1:81", "http://127.0.0.1:82")
