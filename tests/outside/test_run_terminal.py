"""A program in a terminal: it has the terminal, and what is typed reaches it once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.outside.policies import Providers
from tests.outside.running import PYTHON, WITHIN_S, Place, policies, until
from tests.provider import Provider

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="terminals are tried on Linux")

IN_A_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])) & 0xff)
"""
COUNTS = """
import os, signal, sys, time
count = 0
def heard(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, heard)
print("tty", *(os.isatty(number) for number in range(3)), os.getppid(), "end", flush=True)
while not count:
    time.sleep(0.02)
time.sleep(0.4)
print("count", count, "end", flush=True)
sys.exit(5)
"""
READS = """
import os, sys
print(os.getpid(), flush=True)
print("read", input(), flush=True)
sys.exit(4)
"""
CTRL_C = b"\x03"


@pytest.fixture
def place(providers: Providers, first: Provider, tmp_path: Path) -> Iterator[Place]:
    place = Place.of(policies(tmp_path, providers.first, providers.second), tmp_path)
    yield place
    place.nothing_is_left()


@contextmanager
def _terminal(place: Place, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [PYTHON, "-c", IN_A_TERMINAL, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=place.environment({"PS1": "$ "}),
        bufsize=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _read_until(out: IO[bytes] | None, word: str) -> str:
    """What the terminal shows, up to the line that has `word`."""
    assert out is not None
    shown = ""
    while word not in shown:
        line = out.readline().decode()
        assert line, shown
        shown += line
    return shown


def _type(process: subprocess.Popen[bytes], typed: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(typed)


def test_ctrl_c_reaches_the_program_once(place: Place) -> None:
    with _terminal(place, place.words(command=[PYTHON, "-c", COUNTS])) as process:
        assert "tty True True True" in _read_until(process.stdout, "end")
        _type(process, CTRL_C)
        assert "count 1 end" in _read_until(process.stdout, "count")
        assert process.wait(WITHIN_S) == 5


def test_so_does_an_interrupt_that_was_sent_to_us_alone(place: Place) -> None:
    """In the foreground of a terminal, and yet nobody typed anything."""
    with _terminal(place, place.words(command=[PYTHON, "-c", COUNTS])) as process:
        words = _read_until(process.stdout, "end").split()
        os.kill(int(words[words.index("end") - 1]), signal.SIGINT)
        assert "count 1 end" in _read_until(process.stdout, "count")
        assert process.wait(WITHIN_S) == 5


def test_a_shell_stops_it_and_goes_on_with_it(place: Place) -> None:
    """As Ctrl-Z and `fg` do: a signal to the whole group, and another."""
    with subprocess.Popen(
        place.words(command=[PYTHON, "-c", READS]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=place.environment(),
        process_group=0,
    ) as process:
        assert process.stdout is not None
        program = int(process.stdout.readline())
        os.killpg(process.pid, signal.SIGTSTP)
        until(lambda: _state(process.pid) == _state(program) == "T")
        os.killpg(process.pid, signal.SIGCONT)
        until(lambda: "T" not in (_state(process.pid), _state(program)))
        out, _ = process.communicate("words\n", timeout=WITHIN_S)
        assert (out, process.returncode) == ("read words\n", 4)


def _state(pid: int) -> str:
    """One letter: T is stopped (proc_pid_stat(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
