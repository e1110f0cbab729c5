"""A provider on loopback that answers as its script says, and remembers what it was asked.

provider = Provider("first", OpenAI(), SystemClock())
await provider.open()
provider.script = [ServerError(503), GOOD]
...                                     # somebody calls provider.url
assert [request.target for request in provider.requests] == [...]
await provider.close()
"""

import asyncio
import socket

from proxy.core.clock import Clock
from proxy.drill.faults.good import GOOD
from proxy.drill.faults.too_large import TooLarge
from proxy.drill.server.presence import Presence
from proxy.drill.server.reading import read_body, read_head
from proxy.drill.server.turn import Fault, Request, Turn
from proxy.drill.speech.words import Speech

NOWHERE = "provider.invalid"
"""A name that never leads to an address (RFC 6761 6.4)."""

HEAD_BYTES = 2**20
"""Of a request's head, at most: more than any test sends."""


class Provider:
    """`url` is where it listens, `script` what it does with the next requests, in order (the last
    goes for all that follow), `requests` what came, `playing` how many are being answered, and
    `errors` what was so wrong with a request, or with a fault, that nothing could be made of it."""

    def __init__(self, name: str, speech: Speech, clock: Clock) -> None:
        self.name = name
        self.text = f"Hello from the {name} provider."
        self.port = 0
        self.connections = 0
        self.playing = 0
        self.presence = Presence.HERE
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.script: list[Fault] = [GOOD]
        self._speech = speech
        self._clock = clock
        self._open_now: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        host = NOWHERE if self.presence is Presence.NAMELESS else "127.0.0.1"
        return f"http://{host}:{self.port}"

    async def open(self, presence: Presence = Presence.HERE) -> None:
        """Take a free port, and listen on it where it is HERE."""
        self.presence = presence
        # Told to be TCP, since asyncio turns Nagle's delays off for those only.
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket = taken
        taken.bind(("127.0.0.1", 0))
        self.port = taken.getsockname()[1]
        if presence is Presence.HERE:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: _Connection(self), sock=taken, backlog=256
            )

    async def close(self) -> None:
        """Stop listening, and end what is being answered."""
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            self._socket.close()
        tasks = [connection.task for connection in self._open_now]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def next_fault(self) -> Fault:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def came(self, request: Request) -> None:
        self.requests.append(request)

    def left(self, request: Request) -> None:
        request.left_at = self._clock.now()


class _Connection(asyncio.StreamReaderProtocol):
    """Serves one connection, and notes when the other side hangs up."""

    def __init__(self, provider: Provider) -> None:
        self._loop_ = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(limit=HEAD_BYTES, loop=self._loop_)
        super().__init__(self._reader, loop=self._loop_)
        self._provider = provider
        self._playing: Request | None = None
        self._number = 0
        self.task: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._provider.connections += 1
        self._number = self._provider.connections
        self._provider._open_now.add(self)
        self.task = self._loop_.create_task(self._converse(transport))

    def eof_received(self) -> bool:
        super().eof_received()
        self._hung_up()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._hung_up()
        self._provider._open_now.discard(self)

    def _hung_up(self) -> None:
        if self._playing is not None:
            self._provider.left(self._playing)
            self._playing = None
            self.task.cancel()

    async def _converse(self, transport: asyncio.Transport) -> None:
        writer = asyncio.StreamWriter(transport, self, self._reader, self._loop_)
        try:
            while (request := await self._asked(writer)) is not None:
                if not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # gone in the middle of a request or an answer: the tests look at what is left
        except Exception as error:  # the border: nobody waits for this task
            self._provider.errors.append(error)
        finally:
            self._playing = None
            transport.close()

    async def _asked(self, writer: asyncio.StreamWriter) -> Request | None:
        request = await read_head(self._reader, self._number, self._provider._clock)
        if request is not None:
            self._fault = self._provider.next_fault()
            if not isinstance(self._fault, TooLarge):
                await read_body(request, self._reader, writer)
            self._provider.came(request)
        return request

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can serve another request."""
        provider = self._provider
        good = provider._speech.answer(request.target, request.json, provider.text)
        turn = Turn(request, provider._speech, good, writer, provider._clock)
        self._playing = request
        provider.playing += 1
        try:
            await self._fault.play(turn)
        finally:
            provider.playing -= 1
        self._playing = None
        return turn.kept_open
