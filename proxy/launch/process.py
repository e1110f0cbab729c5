"""The two processes, each with a thread that waits for it and reports."""

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from proxy.launch.report import Ended, Reports, Spoke

LEASH = (sys.executable, "-P", "-m", "proxy.launch.leash")
"""-P: a folder named `proxy` that we happen to be started in is not the program."""

Process = subprocess.Popen[bytes]


def start_command(command: Sequence[str], environ: Mapping[str, str]) -> Process:
    """CMD in our process group, with our terminal and every descriptor that we were given to pass
    on. Raises OSError as exec does."""
    return subprocess.Popen(command, env=environ, close_fds=False)


def start_proxy(flags: Sequence[str], folder: str) -> Process:
    """`serve` on its leash, in a session of its own: what a terminal does to us is not its concern.

    Our environment is its own. `folder`, unless it is empty, goes when we are gone.
    """
    return subprocess.Popen(
        [*LEASH, folder, "serve", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def watch(process: Process, reports: Reports) -> None:
    """Report what it says first on a stdout that is ours, and how it ends."""
    threading.Thread(
        target=_wait, args=(process, reports), name=f"process {process.pid}", daemon=True
    ).start()


def _wait(process: Process, reports: Reports) -> None:
    if process.stdout is not None:
        with process.stdout as out:
            if line := out.readline():
                reports.put(Spoke(process.pid, line.decode(errors="replace").strip()))
            while out.read(1 << 16):
                continue
    reports.put(Ended(process.pid, process.wait()))
    if process.stdin is not None:
        process.stdin.close()
