"""HTTPS_PROXY for hosts of no upstream: carried without a look, to where it may go."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson
import pytest

from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.tunnel import connect, half_close
from tests.outside.wire import Wire, request
from tests.provider import Provider


class Stranger:
    """A server that is no HTTP server: keeps what comes, and says what it is told to say."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.came: list[bytes] = []
        self.ended = threading.Event()
        self.answer = b""
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(2**16):
                self.came.append(data)
                if not self.answer:
                    connection.sendall(data)
            connection.sendall(self.answer)
        self.ended.set()

    def close(self) -> None:
        self._listening.close()


@contextmanager
def _stranger() -> Iterator[Stranger]:
    stranger = Stranger()
    try:
        yield stranger
    finally:
        stranger.close()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with _stranger() as made:
        yield made


@pytest.fixture
def proxy(
    stranger: Stranger, providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """One that lets through to loopback, since the policy says so."""
    rules = f"passthrough: [127.0.0.1]\nconnect_ports: [443, {stranger.port}, 1]\n"
    folder = tmp_path_factory.mktemp("tunnels")
    with serving(policy(folder, one(providers) + rules)) as running:
        yield running


def test_bytes_go_both_ways_unread(proxy: Serving, stranger: Stranger) -> None:
    with Wire(proxy.port) as wire:
        response = connect(wire, stranger.authority)
        assert (response.status, response.fields) == (200, ())
        for piece in (b"\x00\xff not HTTP", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 1000):
            wire.send(piece)
            assert wire._exactly_until(piece) == piece


def test_bytes_that_came_with_connect_are_not_lost(proxy: Serving, stranger: Stranger) -> None:
    with Wire(proxy.port) as wire:
        assert connect(wire, stranger.authority, more=b"at once").status == 200
        assert wire.until(b"at once")


def test_who_has_ended_is_still_answered(proxy: Serving, stranger: Stranger) -> None:
    stranger.answer = b"x" * (5 * 2**20)
    with Wire(proxy.port) as wire:
        connect(wire, stranger.authority)
        wire.send(b"question")
        half_close(wire)
        assert len(wire.rest()) == len(stranger.answer)
    assert b"".join(stranger.came) == b"question"


def test_an_app_that_goes_takes_its_tunnel_with_it(proxy: Serving, stranger: Stranger) -> None:
    with Wire(proxy.port) as wire:
        connect(wire, stranger.authority)
        wire.send(b"hello")
        wire.until(b"hello")
    assert stranger.ended.wait(2)


def test_a_port_that_is_not_listed_is_refused(proxy: Serving, stranger: Stranger) -> None:
    with _stranger() as other, Wire(proxy.port) as wire:
        wire.send(request("CONNECT", other.authority) + request("GET", "/openai/v1/next"))
        response = wire.response()
        assert response.status == 403
        assert str(stranger.port) in orjson.loads(response.body)["error"]["message"]
        assert wire.rest() == b""


def test_nobody_listens_there(proxy: Serving) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("CONNECT", "127.0.0.1:1"))
        assert wire.response().status == 502
        assert wire.rest() == b""


@pytest.mark.parametrize("passthrough", ["allow", "deny", "['*.test']", "[10.0.0.0/8]"])
def test_a_host_that_nobody_listed_is_no_way_into_this_machine(
    providers: Providers,
    first: Provider,
    stranger: Stranger,
    tmp_path_factory: pytest.TempPathFactory,
    passthrough: str,
) -> None:
    rules = f"passthrough: {passthrough}\nconnect_ports: [{stranger.port}]\n"
    text = one(providers) + rules
    with serving(policy(tmp_path_factory.mktemp("strict"), text)) as running:
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]"):
            with Wire(running.port) as wire:
                wire.send(request("CONNECT", f"{host}:{stranger.port}", [("Host", "x")]))
                assert wire.response().status in (403, 502), host
                assert wire.rest() == b""
    assert not stranger.came


def test_a_stop_does_not_wait_for_tunnels_in_which_nothing_moves(
    proxy: Serving, stranger: Stranger
) -> None:
    with Wire(proxy.port) as wire:
        connect(wire, stranger.authority)
        time.sleep(1.5)
        began = time.monotonic()
        proxy.stop()
        assert time.monotonic() - began < 5
    proxy.log_has("broke off: the proxy is stopping")


def test_a_port_may_be_listed_with_its_host(
    providers: Providers, stranger: Stranger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = one(providers) + f"passthrough: ['{stranger.authority}']\n"
    with serving(policy(tmp_path_factory.mktemp("listed"), text)) as running:
        with Wire(running.port) as wire:
            assert connect(wire, stranger.authority, more=b"in").status == 200
            assert wire.until(b"in")
        with _stranger() as other, Wire(running.port) as wire:
            wire.send(request("CONNECT", other.authority))
            assert wire.response().status == 403
            assert wire.rest() == b""
