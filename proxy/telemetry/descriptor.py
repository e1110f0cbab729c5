"""A file descriptor that takes text, with nothing in between.

Python's own `sys.stderr` has a buffer with a lock: a thread that hangs in writing it keeps the
lock, and the whole process then hangs at its end, when Python wants to flush.
"""

import os

STDERR = 2


class Descriptor:
    """Writes UTF-8. `write` raises OSError, after which a part of the text may be written."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, text: str) -> None:
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        while rest:
            rest = rest[os.write(self._number, rest) :]

    def flush(self) -> None:
        """Nothing waits."""
