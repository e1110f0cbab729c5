"""Who is intercepted, who is carried, and who is hung up on, at the transparent port.

The rules that redirect are not here, and so a connection is told where it was going; with them it
is `tests/outside/test_transparent.py`.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from proxy.capture.redirected.arrival import HELLO_S
from proxy.capture.redirected.destination import Destination, NotRedirected, Socket
from proxy.capture.redirected.transparent import NotHere, Redirected
from proxy.capture.tunnels.hello import Hello
from proxy.capture.tunnels.inside import Inside
from proxy.core.call import Face
from proxy.core.event import Bug, Event, TurnedAway
from proxy.core.journal import Journal
from tests.capture.tunnels.test_hello import HEAD, HELLO, tls_hello
from tests.clock import FalseClock

GOING = Destination("203.0.113.9", 443)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux redirects connections")


@dataclass
class Ways:
    """Intercepts api.openai.com, and keeps everything that it is given."""

    served: list[tuple[Inside, bytes]] = field(default_factory=list)
    carried: list[tuple[str, int, bytes]] = field(default_factory=list)
    kept: list[asyncio.Transport] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    given: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def serves(self, inside: Inside) -> bool:
        return inside.host == "api.openai.com"

    async def intercept(self, transport: asyncio.Transport, early: bytes, inside: Inside) -> None:
        assert not transport.is_reading()
        self.served.append((inside, early))
        await self._keep(transport)

    async def carry(
        self, transport: asyncio.Transport, early: bytes, host: str, port: int, face: Face
    ) -> None:
        assert not transport.is_reading()
        assert face is Face.TRANSPARENT
        self.carried.append((host, port, early))
        await self._keep(transport)

    async def _keep(self, transport: asyncio.Transport) -> None:
        self.kept.append(transport)
        self.given.set()
        try:
            if self.error is not None:
                raise self.error
            await self.over.wait()
        finally:
            transport.abort()


class Stage:
    """An open port, and what came of those who called."""

    def __init__(self, going: Destination | None, connections: int) -> None:
        self.ways = Ways()
        self.clock = FalseClock()
        self.heard: list[Event] = []
        self.going = going
        self.port = Redirected(self.ways, self.clock, self._hear, connections, self._where)
        self.number = 0
        self._callers: list[asyncio.StreamWriter] = []

    def _hear(self, event: Event, journal: Journal | None) -> None:
        assert journal is None
        self.heard.append(event)

    def _where(self, connection: Socket) -> Destination:
        if self.going is None:
            raise NotRedirected
        return self.going

    async def call(self, data: bytes = b"", *, last: bool = False) -> asyncio.StreamReader:
        """`last`: nothing comes behind `data`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        self._callers.append(writer)
        writer.write(data)
        if last:
            writer.write_eof()
        return reader

    async def give(self, data: bytes) -> None:
        """Call, and wait until somebody has been given the connection."""
        self.ways.given.clear()
        await self.call(data)
        await self.ways.given.wait()

    async def begin(self, data: bytes) -> asyncio.StreamReader:
        """Call, and have all of `data` listened to, which does not say enough."""
        reader = await self.call(data)
        await until(lambda: any(hello.data == data for hello in self._hellos()))
        return reader

    def _hellos(self) -> list[Hello]:
        return [arrival._hello for arrival in self.port._arrivals]

    async def turned_away(self, data: bytes = b"") -> TurnedAway:
        """Call, and be hung up on."""
        await hung_up(await self.call(data))
        return self.word()

    def leave(self) -> None:
        for writer in self._callers:
            writer.transport.abort()

    def word(self) -> TurnedAway:
        word = self.heard.pop()
        assert isinstance(word, TurnedAway)
        assert word.face == "transparent"
        return word


async def until(true: Callable[[], bool]) -> None:
    for _ in range(5000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("in vain")


async def hung_up(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(5.0):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            return


@asynccontextmanager
async def stage(going: Destination | None = GOING, connections: int = 10) -> AsyncIterator[Stage]:
    made = Stage(going, connections)
    made.number = await made.port.open(0)
    async with asyncio.timeout(5.0):
        try:
            yield made
        finally:
            made.leave()
            await made.port.drain(0.0)
    assert made.clock.next_due is None, "every timer is taken back"


@pytest.mark.parametrize(
    ("data", "secure"), [(HELLO, True), (HEAD, False)], ids=["TLS", "plain HTTP"]
)
async def test_who_wants_an_upstream_is_intercepted(data: bytes, secure: bool) -> None:
    async with stage() as at:
        await at.give(data)
        inside = Inside("api.openai.com", 443, secure, Face.TRANSPARENT)
        assert at.ways.served == [(inside, data)]


@pytest.mark.parametrize(
    "data",
    [
        tls_hello("stranger.test"),
        tls_hello(None),
        HEAD.replace(b"api.openai.com", b"stranger.test"),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0",
    ],
    ids=["TLS", "no SNI", "plain HTTP", "SSH", "bytes"],
)
async def test_who_wants_another_is_carried_to_where_it_was_going(data: bytes) -> None:
    async with stage() as at:
        await at.give(data)
        assert at.ways.carried == [(*GOING, data)]
        assert not at.ways.served


async def test_who_is_silent_waits_for_the_server_and_is_carried() -> None:
    async with stage() as at:
        await at.begin(b"")
        at.clock.pass_time(HELLO_S)
        await at.ways.given.wait()
        assert at.ways.carried == [(*GOING, b"")]


async def test_who_begins_and_does_not_go_on_is_too_slow() -> None:
    async with stage() as at:
        reader = await at.begin(HELLO[:-1])
        at.clock.pass_time(HELLO_S)
        await hung_up(reader)
        word = at.word()
        assert (word.status, word.reason) == (408, "too_slow")


async def test_who_leaves_before_it_has_said_enough_is_forgotten() -> None:
    async with stage() as at:
        for data in (b"", HELLO[:20]):
            await hung_up(await at.call(data, last=True))
        assert not at.heard
        assert not at.ways.kept


async def test_who_was_not_redirected_is_hung_up_on() -> None:
    async with stage(going=None) as at:
        word = await at.turned_away(HELLO)
        assert (word.status, word.reason) == (421, "not_redirected")
        assert "--listen" in word.message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
async def test_nobody_is_sent_to_our_own_ports(host: str) -> None:
    async with stage(Destination(host, 8901)) as at:
        at.port.know_own_ports({8901: "admin"})
        word = await at.turned_away(HELLO)
        assert (word.status, word.reason) == (508, "loop")
        assert "own admin port" in word.message


async def test_what_we_send_is_known_again_where_it_comes_back() -> None:
    """The same hello for the same place, while the first is carried, is that of the first."""
    async with stage() as at:
        hello = tls_hello("stranger.test")
        await at.give(hello)
        word = await at.turned_away(hello)
        assert (word.status, word.reason) == (508, "loop")
        assert "must leave out the user" in word.message
        await at.give(tls_hello("stranger.test"))
        at.ways.over.set()
        await until(lambda: not at.port._running)
        await at.give(hello)
        assert len(at.ways.carried) == 3


async def test_who_speaks_no_tls_may_say_the_same_twice() -> None:
    async with stage() as at:
        for _ in range(2):
            await at.give(HEAD.replace(b"api.openai.com", b"stranger.test"))
        assert not at.heard


async def test_there_is_room_for_so_many() -> None:
    async with stage(connections=2) as at:
        await at.give(HELLO)
        await at.begin(HELLO[:20])
        assert (await at.turned_away()).reason == "too_many"
        at.leave()
        await until(lambda: at.clock.next_due is None)
        await at.give(HELLO)


async def test_a_drain_waits_for_what_runs_and_for_no_hello() -> None:
    async with stage() as at:
        await at.give(HELLO)
        reader = await at.begin(HELLO[:20])
        draining = asyncio.create_task(at.port.drain(5.0))
        await hung_up(reader)
        assert not draining.done()
        at.ways.over.set()
        await draining
        with pytest.raises(ConnectionRefusedError):
            await at.call()


async def test_a_drain_has_an_end() -> None:
    async with stage() as at:
        await at.give(tls_hello("stranger.test"))
        await at.port.drain(0.0)
        assert at.ways.kept[0].is_closing()


async def test_a_mistake_of_ours_is_told() -> None:
    async with stage() as at:
        at.ways.error = ValueError("ours")
        await at.give(HELLO)
        await until(lambda: bool(at.heard))
        (bug,) = at.heard
        assert isinstance(bug, Bug)
        assert bug.error is at.ways.error


async def test_it_listens_on_loopback_alone_in_both_versions() -> None:
    async with stage() as at:
        with pytest.raises(OSError, match="in use"):
            await Redirected(at.ways, at.clock, at._hear, 1).open(at.number)
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            return  # no IPv6 here
        socket.create_connection(("::1", at.number)).close()


async def test_elsewhere_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NotHere, match="Linux only"):
        await Redirected(Ways(), FalseClock(), lambda event, journal: None, 1).open(0)
