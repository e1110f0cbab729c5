"""`understudy serve` as a real process, with everything about it bounded in time."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import orjson

READY_S = 20.0
STOP_S = 20.0
COMMAND = (sys.executable, "-m", "proxy")
_BAD = ("Traceback", "never retrieved", "was never awaited", "please report", "Exception ignored")


@dataclass(frozen=True)
class Ended:
    """How a process ended, and everything that it said."""

    status: int
    out: str
    err: str


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """What a process gets: nothing of ours that could change its mind."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(more)


def understudy(
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str = "",
    timeout_s: float = 30.0,
) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(environ or {}),
        cwd=folder,
        timeout=timeout_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Serving:
    """A running proxy. `ready` is its line, taken apart."""

    def __init__(self, process: subprocess.Popen[str], err: Path, line: str) -> None:
        self.state = err.parent
        self._process = process
        self._err = err
        self.line = line
        self.ready = dict(word.split("=", 1) for word in line.split()[2:])
        self.listen = self.ready["listen"]
        self.admin = self.ready["admin"]
        self.port = int(self.listen.rpartition(":")[2])
        self.admin_port = int(self.admin.rpartition(":")[2])
        self.ended: Ended | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._err.read_text()

    def log_has(self, words: str, timeout_s: float = 5.0) -> None:
        """Wait until the log says so."""
        ends_at = time.monotonic() + timeout_s
        while words not in self.log:
            assert time.monotonic() < ends_at, self.log
            time.sleep(0.02)

    def ask(self, path: str, method: str = "GET") -> Any:
        """What the admin port says: JSON where it is JSON, else text."""
        request = Request(f"{self.admin}{path}", method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
            body = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return orjson.loads(body) if is_json else body.decode()

    def status(self) -> dict[str, Any]:
        told = self.ask("/status")
        assert isinstance(told, dict)
        return told

    def signal(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> Ended:
        """Until it has ended by itself or by a signal."""
        if self.ended is None:
            out, _ = self._process.communicate(timeout=timeout_s)
            self.ended = Ended(self._process.returncode, self.line + out, self.log)
        return self.ended

    def stop(self) -> Ended:
        """SIGTERM, and a clean end: status 0, nothing more on stdout, no bug in the log."""
        if self.ended is None:
            self.signal()
        ended = self.wait()
        assert ended.status == 0, ended
        assert ended.out == self.line, "stdout is for the ready line alone"
        for word in _BAD:
            assert word not in ended.err, ended.err
        return ended


@contextmanager
def serving(
    policies: Path,
    *flags: str,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Serving]:
    """A proxy on free ports under `policies`; stopped, and looked at, at the end."""
    state = (policies if policies.is_dir() else policies.parent).parent / "state"
    state.mkdir(exist_ok=True)
    err = state / f"stderr-{time.monotonic_ns()}"
    arguments = ("--policies", str(policies), "--state-dir", str(state))
    ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    with (
        err.open("w") as stderr,
        subprocess.Popen(
            [*COMMAND, "serve", *arguments, *ports, *flags],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(environ or {}),
            cwd=folder,
        ) as process,
    ):
        try:
            running = Serving(process, err, _ready_line(process, err))
            yield running
            running.stop()
        finally:
            if process.poll() is None:
                process.kill()


def _ready_line(process: subprocess.Popen[str], err: Path) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_S)
    line = process.stdout.readline() if readable else ""
    assert line.startswith("understudy ready listen=http://"), (line, err.read_text())
    return line


def policy(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    """`text` as the only file of a policy folder."""
    policies = folder / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / name).write_text(text)
    return policies
