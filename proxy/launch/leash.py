"""`serve` on a rope: a proxy that ends when whoever started it is gone, however that went.

    python -P -m proxy.launch.leash FOLDER serve ...

The rope is stdin, a pipe that nobody writes to: it ends when the other process does, also by
SIGKILL and on every system, where Linux's PR_SET_PDEATHSIG would go by threads. FOLDER, when it is
not empty, is removed then, since nobody is left to do it.
"""

import os
import shutil
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from proxy.cli import main as understudy

STDIN = 0


def main(folder: str, *arguments: str) -> int:
    """Run the command that `arguments` name until it ends, or stdin does; its exit status."""
    alone = threading.Event()
    try:
        signal.signal(signal.SIGTERM, _ended)  # until the command has a better way to end
        threading.Thread(target=_hold, args=(alone,), name="leash", daemon=True).start()
        return understudy(arguments)
    finally:
        if folder and alone.is_set():
            shutil.rmtree(folder, ignore_errors=True)


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _hold(alone: threading.Event) -> None:
    while os.read(STDIN, 1):
        continue
    alone.set()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
