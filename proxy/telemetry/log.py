"""The log of this process: Python's logging, behind a bounded queue, written by a thread.

    logger --> _Intake (on the event loop) --> [ at most CAPACITY records ] --> thread --> stream
                 \\-- full: dropped, counted

So a terminal that nobody reads and a pipe that is full never hold up a call. The one thing in this
program that changes something process-wide: the handlers of the root logger, while it is open.
"""

import logging
import queue
import threading
from copy import copy
from typing import Protocol

from proxy.telemetry.formats import FORMATS, LogFormat
from proxy.telemetry.line import LOGGER

CAPACITY = 10_000
"""Records that wait at most: some MiB. More than a second of the worst outage brings."""
LEVELS = ("debug", "info", "warning", "error")

_TRACEBACKS = logging.Formatter()


class Stream(Protocol):
    """Where lines go. Both may block, and raise OSError or ValueError when nobody takes them."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Log:
    """Open from its making until `close`. `level` is one of LEVELS and is for Understudy's own
    lines; other libraries are heard from warning on."""

    def __init__(self, stream: Stream, form: LogFormat, level: str) -> None:
        self._overflowed = 0  # counted by who logs
        self._reported = 0  # ... and these by the thread
        self._unwritten = 0
        self._stream = stream
        self._format = FORMATS[form]
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(CAPACITY)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        number = logging.getLevelNamesMapping()[level.upper()]
        self._intake = _Intake(self)
        self._root, self._own = logging.getLogger(), logging.getLogger(LOGGER)
        self._before = self._root.level, self._own.level
        self._root.setLevel(max(number, logging.WARNING))
        self._own.setLevel(number)
        self._root.addHandler(self._intake)

    @property
    def dropped(self) -> int:
        """Lines that are missing."""
        return self._overflowed + self._unwritten

    def take(self, record: logging.LogRecord | None) -> None:
        """Never waits: what comes while the queue is full is dropped."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._overflowed += 1

    def close(self, timeout_s: float) -> bool:
        """Write what waits, for at most `timeout_s`. Logging is as before then.

        False when the stream takes nothing; what waits is lost then, when the process ends.
        """
        self._root.removeHandler(self._intake)
        self._root.setLevel(self._before[0])
        self._own.setLevel(self._before[1])
        self._closing = True
        if self._queue.empty():
            self.take(None)  # wakes the thread
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not (self._closing and self._queue.empty()):
            record = self._queue.get()
            if record is not None:
                self._write(self._format(record))
            if self._overflowed > self._reported:
                self._report()

    def _report(self) -> None:
        """Own up to lines that are missing, once for all of them."""
        dropped = self._overflowed - self._reported
        self._reported += dropped
        message = f"{dropped} log lines were dropped: the log's stream is too slow."
        record = logging.LogRecord(LOGGER, logging.WARNING, __file__, 0, message, None, None)
        self._write(self._format(record))

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the pipe's reader is gone, or the stream was closed
            self._unwritten += 1


class _Intake(logging.Handler):
    """Makes a record fit to wait: nothing in it is still used by whoever logged it."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        kept = copy(record)  # other handlers may want it as it was
        try:
            kept.msg = record.getMessage()
        except (TypeError, ValueError) as error:  # wrong arguments, by whoever logged it
            kept.msg = f"{record.msg} (and its arguments do not fit: {error})"
        kept.args = None
        if record.exc_info:
            kept.exc_text = _TRACEBACKS.formatException(record.exc_info)
            kept.exc_info = None
        self._log.take(kept)
