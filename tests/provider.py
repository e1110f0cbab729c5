"""The drill's provider in a thread with an event loop of its own, so that tests may block, and so
that nothing it does depends on the loop of whoever calls it.

    with Provider("first") as first:
        first.plays(ServerError(503), GOOD)
        ...                                     # somebody calls first.url
        assert [request.target for request in first.requests] == [...]
"""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from proxy.core.clock import SystemClock
from proxy.drill.server import provider
from proxy.drill.server.turn import Fault, Request
from proxy.drill.speech.openai import OpenAI
from proxy.drill.speech.words import Speech

WAIT_S = 10.0
LOOK_S = 0.01


class Provider(provider.Provider):
    """As the drill has it; `requests` and `errors` are what came since `plays` was called last."""

    def __init__(self, name: str, speech: Speech | None = None) -> None:
        super().__init__(name, speech or OpenAI(), SystemClock())
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"provider {name}", daemon=True)

    def plays(self, *faults: Fault) -> None:
        """What it does with the next requests, in order; the last one goes for all that follow."""
        with self._changed:
            self.script = list(faults)
            self.requests = []
            self.errors = []

    def until(self, seen: Callable[[list[Request]], bool], timeout_s: float = WAIT_S) -> None:
        """Wait until that is true of what came."""
        ends_at = time.monotonic() + timeout_s
        with self._changed:
            while not seen(self.requests):
                assert time.monotonic() < ends_at, f"in vain; {self.name} saw {self.requests}"
                self._changed.wait(LOOK_S)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self.open()
        self._started.set()
        await self._stopping.wait()
        await self.close()

    def next_fault(self) -> Fault:
        with self._changed:
            return super().next_fault()

    def came(self, request: Request) -> None:
        with self._changed:
            super().came(request)
            self._changed.notify_all()

    def left(self, request: Request) -> None:
        with self._changed:
            super().left(request)
            self._changed.notify_all()
