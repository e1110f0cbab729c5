"""A provider on loopback that answers as its script says, and remembers what it was asked.

    with Provider("first") as first:
        first.plays(ServerError(503), GOOD)
        ...                                     # somebody calls first.url
        assert [request.target for request in first.requests] == [...]

It runs in a thread with an event loop of its own, so that tests may block, and so that nothing it
does depends on the loop of whoever calls it. HTTP/1.1 is spoken by hand here: a server that is made
to behave well cannot misbehave.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.faults.answers import answer_to
from tests.faults.good import GOOD
from tests.faults.reading import read_body, read_head
from tests.faults.too_large import TooLarge
from tests.faults.turn import Fault, Request, Turn

WAIT_S = 10.0
LOOK_S = 0.01
HEAD_BYTES = 2**20


class Provider:
    """`url` is where it listens, `requests` what came since `plays` was called last, and `errors`
    what was so wrong with a request, or with a fault, that nothing could be made of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = f"Hello from the {name} provider."
        self.port = 0
        self.connections = 0
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.script: list[Fault] = [GOOD]
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"provider {name}", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

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
        open_now: set[_Connection] = set()
        server = await self._loop.create_server(
            lambda: _Connection(self, open_now), "127.0.0.1", 0, backlog=256
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        tasks = [connection.task for connection in open_now]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _next(self) -> Fault:
        with self._changed:
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _came(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def _left(self, request: Request) -> None:
        with self._changed:
            request.left_at = time.monotonic()
            self._changed.notify_all()


class _Connection(asyncio.StreamReaderProtocol):
    """Serves one connection, and notes when the other side hangs up."""

    def __init__(self, provider: Provider, open_now: set["_Connection"]) -> None:
        self._loop_ = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(limit=HEAD_BYTES, loop=self._loop_)
        super().__init__(self._reader, loop=self._loop_)
        self._provider = provider
        self._open_now = open_now
        self._playing: Request | None = None
        self._number = 0
        self.task: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._provider.connections += 1
        self._number = self._provider.connections
        self._open_now.add(self)
        self.task = self._loop_.create_task(self._converse(transport))

    def eof_received(self) -> bool:
        super().eof_received()
        self._hung_up()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._hung_up()
        self._open_now.discard(self)

    def _hung_up(self) -> None:
        if self._playing is not None:
            self._provider._left(self._playing)
            self._playing = None
            self.task.cancel()

    async def _converse(self, transport: asyncio.Transport) -> None:
        writer = asyncio.StreamWriter(transport, self, self._reader, self._loop_)
        try:
            while (request := await read_head(self._reader, self._number)) is not None:
                fault = self._provider._next()
                if not isinstance(fault, TooLarge):
                    await read_body(request, self._reader, writer)
                self._provider._came(request)
                turn = Turn(request, answer_to(request, self._provider.text), writer)
                self._playing = request
                await fault.play(turn)
                self._playing = None
                if not turn.kept_open:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # gone in the middle of a request or an answer: the tests look at what is left
        except Exception as error:  # the border: nobody waits for this task
            self._provider.errors.append(error)
        finally:
            self._playing = None
            transport.close()
