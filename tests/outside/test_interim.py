"""Interim answers reach an app that can make something of them, before the answer."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.process import Serving, policy, serving
from tests.outside.wire import Wire, request

HINT = (
    b"HTTP/1.1 103 Early Hints\r\n"
    b"Link: </a>; rel=preload\r\nConnection: X-Near\r\nX-Near: 1\r\nContent-Length: 5\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _answer(server: socket.socket) -> None:
    """A hundred-and-two, a hint and an answer to each connection, until the server is closed."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(2**16)
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" + HINT)
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Serving]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        text = f"version: 1\nupstreams:\n  openai: {{dialect: openai, url: '{url}'}}\n"
        with serving(policy(tmp_path, text)) as running:
            yield running
        server.shutdown(socket.SHUT_RDWR)


def test_they_come_first_less_what_is_for_neighbours(proxy: Serving) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/models"))
        assert wire.head()[1:] == (102, "Processing", (("Via", "1.1 understudy"),))
        version, status, _, fields = wire.head()
        assert (version, status) == ("HTTP/1.1", 103)
        assert fields == (("Link", "</a>; rel=preload"), ("Via", "1.1 understudy"))
        response = wire.response()
        assert (response.status, response.body) == (200, b"ok")


def test_http_1_0_knows_none(proxy: Serving) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/models", version="HTTP/1.0"))
        assert wire.head()[1] == 200
