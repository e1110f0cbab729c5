"""Ending as CMD did, so that who started us sees no difference."""

import contextlib
import os
import resource
import signal
import sys


def end_as(status: int) -> int:
    """`status`, for the process to end with; of a negative one, this process dies of that signal.

    CMD has dumped its core, if it is to have one: we dump none. Where a signal cannot kill us (the
    first process of a container) it is 128 and the signal's number, as shells say it.
    """
    if status >= 0:
        return status
    number = -status
    sys.stdout.flush()
    sys.stderr.flush()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    with contextlib.suppress(OSError):  # SIGKILL has no other way
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    return 128 + number
