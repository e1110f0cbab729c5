"""Which tunnels live: a stop has no need to wait for those in which nothing moves."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from proxy.capture.tunnels.tunnel import Pulse
from proxy.core.clock import Clock

QUIET_S = 1.0
"""A tunnel that brought nothing for so long need not be waited for when the proxy stops."""


class Pulses:
    """One for each task that carries something, or waits for the first word in a tunnel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[asyncio.Task[object], Pulse] = {}

    @contextmanager
    def one(self) -> Iterator[Pulse]:
        """That of what is done within."""
        task = asyncio.current_task()
        assert task is not None
        pulse = self._of[task] = Pulse(self._clock.now())
        try:
            yield pulse
        finally:
            del self._of[task]

    def end_quiet(self) -> None:
        """Cancel those that have been quiet: connections that apps keep for later, as a rule."""
        since = self._clock.now() - QUIET_S
        for task, pulse in tuple(self._of.items()):
            if pulse.moved_at < since:
                task.cancel()
