"""Takes ended calls to the collector, in a thread of its own that no call ever waits for.

    offer --> [ at most CAPACITY stories ] --> thread: a batch every INTERVAL_S, or when it is full
       \\-- full: dropped, counted                  \\-- not delivered: dropped, counted

OpenTelemetry's own batch processor takes up to 30 s to shut down, writes a warning for every span
that it drops, and builds spans on the thread that ends them: here, the event loop.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from proxy.telemetry.line import LOGGER
from proxy.telemetry.story import Story

CAPACITY = 2048
"""Stories that wait at most: a few KiB each, so some MiB while a collector is away."""
BATCH = 128
INTERVAL_S = 1.0

_LOGGER = logging.getLogger(LOGGER)

Deliver = Callable[[Sequence[Story]], bool]
"""Sends stories off, waiting as long as that takes. False when they did not arrive."""


class Courier:
    """Its thread starts with the first story, so after any fork."""

    def __init__(self, deliver: Deliver) -> None:
        self._overflowed = 0  # counted by who offers
        self._undelivered = 0  # counted by the thread
        self._deliver = deliver
        self._waiting: deque[Story] = deque()
        self._awake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Stories that never arrived."""
        return self._overflowed + self._undelivered

    def offer(self, story: Story) -> None:
        """Never waits. What comes while the queue is full, or after `close`, is dropped."""
        if len(self._waiting) >= CAPACITY or self._closing:
            self._overflowed += 1
            return
        self._waiting.append(story)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
            self._thread.start()
        if len(self._waiting) == BATCH:
            self._awake.set()

    def close(self, timeout_s: float) -> bool:
        """Deliver what waits, for at most `timeout_s`; one failure ends it. Waits for the thread.

        False when it is still in a delivery; it then ends with that, or with the process.
        """
        self._closing = True
        self._awake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            last = self._closing  # read first: what was offered before `close` is still delivered
            if not last:
                self._awake.wait(INTERVAL_S)
                self._awake.clear()
            self._empty()
            if last:
                return

    def _empty(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not self._delivered(batch):
                self._undelivered += len(batch)
                if self._closing:
                    self._undelivered += len(self._waiting)
                    self._waiting.clear()

    def _delivered(self, batch: Sequence[Story]) -> bool:
        try:
            return self._deliver(batch)
        except Exception:  # the thread's border: a bug in one batch must not end all tracing
            _LOGGER.exception("A bug in tracing cost the traces of %d calls.", len(batch))
            return False
