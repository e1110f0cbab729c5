"""`understudy run` as a real process, and what it must not leave behind."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.outside.process import COMMAND, READY_S, Ended, environment
from tests.provider import Provider

WITHIN_S = 20.0
PYTHON = sys.executable
_HOLD = """
import json, os, sys
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(dict(os.environ), file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
sys.stdin.read()
"""


def policies(folder: Path, openai: Provider, anthropic: Provider) -> Path:
    """Two upstreams on loopback that stand for the real ones. The path of the only file."""
    file = folder / "policy.yaml"
    file.write_text(f"""
version: 1
upstreams:
  openai: {{dialect: openai, url: {openai.url}, hosts: api.openai.com}}
  anthropic: {{dialect: anthropic, url: {anthropic.url}, hosts: api.anthropic.com}}
""")
    return file


@dataclass(frozen=True)
class Place:
    """Where a run happens: its policies, and a folder of its own for temporary files."""

    policies: Path
    temporary: Path

    @classmethod
    def of(cls, policies: Path, folder: Path) -> "Place":
        temporary = folder / "temporary"
        temporary.mkdir()
        return cls(policies, temporary)

    def words(self, *flags: str, command: Sequence[str]) -> list[str]:
        return [*COMMAND, "run", "--policies", str(self.policies), *flags, "--", *command]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return environment({"TMPDIR": str(self.temporary), **(more or {})})

    def run(
        self, *command: str, flags: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> Ended:
        """To its end; then nothing of it is left."""
        done = subprocess.run(
            self.words(*flags, command=command),
            capture_output=True,
            text=True,
            env=self.environment(environ),
            timeout=30,
            check=False,
        )
        self.nothing_is_left()
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def running(
        self, *command: str, flags: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """While it runs; killed at the end, if it has not ended."""
        with subprocess.Popen(
            self.words(*flags, command=command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(environ),
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def state(self) -> Path:
        """The temporary state folder of the one run that goes on."""
        (folder,) = self.temporary.glob("understudy-*")
        return folder

    def processes(self) -> list[int]:
        """Those that were told of our temporary folder, where the system shows them."""
        return [pid for pid in _pids() if str(self.temporary).encode() in _words_of(pid)]

    def nothing_is_left(self) -> None:
        assert list(self.temporary.iterdir()) == []
        assert self.processes() == []


@contextmanager
def held(place: Place, folder: Path, *flags: str) -> Iterator[dict[str, str]]:
    """The environment that CMD gets, while it runs."""
    told = folder / "environ.json"
    with place.running(PYTHON, "-c", _HOLD, str(told), flags=flags) as process:
        until(told.exists)
        yield json.loads(told.read_text())
        _, err = process.communicate(timeout=WITHIN_S)
        assert (process.returncode, err) == (0, "")


def until(true: Callable[[], object], within_s: float = READY_S) -> None:
    """Wait for it, on a machine that has other things to do."""
    ends_at = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends_at, "in vain"
        time.sleep(0.02)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if _shown() else []


def _shown() -> bool:
    return sys.platform == "linux"


def _words_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
