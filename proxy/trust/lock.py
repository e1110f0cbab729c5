"""One process at a time, among those that share a folder."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from proxy.trust.error import NotTrustworthy

WAIT_S = 10.0
"""Making a CA takes milliseconds: who holds the lock for longer is stopped, or hangs."""

_AGAIN_S = 0.02


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in `folder` until the block ends. A process that dies lets go, whatever it left.

    Blocks for up to WAIT_S. Raises NotTrustworthy where that is not enough, or nothing can be
    written there.
    """
    file = folder / "ca.lock"
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise NotTrustworthy(
            f"{folder}: the CA has to be made or renewed, and nothing can be written here: "
            f"{error.strerror}; make the folder writable for its owner, or name another --state-dir"
        ) from error
    try:
        until = time.monotonic() + WAIT_S
        while not _taken(descriptor):
            if time.monotonic() > until:
                raise NotTrustworthy(
                    f"{file}: another process has been making the CA for {WAIT_S:.0f} s; see which "
                    f"(fuser {file}), end it, and start again"
                )
            time.sleep(_AGAIN_S)
        yield
    finally:
        os.close(descriptor)  # which lets go


def _taken(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
