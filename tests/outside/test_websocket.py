"""Upgrades: WebSocket through a real proxy to a real server, over every way in."""

import asyncio
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import aiohttp
import pytest

from tests.capture.ends import Tls
from tests.outside.frames import ACCEPT, Talk, asking, frame
from tests.outside.policies import HOST
from tests.outside.process import Serving, policy, serving
from tests.outside.wire import WAIT_S, Wire

ECHO = Path(__file__).with_name("echo.py")
GONE_S = 1.0
MIB = 2**20


class Echo:
    """The server's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._said: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = int(self.word())

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line.strip())

    def word(self, within_s: float = WAIT_S) -> str:
        """What it says next."""
        return self._said.get(timeout=within_s)


@contextmanager
def echoing(*arguments: str) -> Iterator[Echo]:
    command = [sys.executable, str(ECHO), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as echo:
        try:
            yield Echo(echo)
        finally:
            echo.kill()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echoing() as running:
        yield running


def _policy(folder: Path, port: int) -> Path:
    """The limits are shorter than some of the sessions: they are over when an upgrade is done."""
    text = f"""
version: 1
passthrough: [127.0.0.1]
defaults: {{timeout: {{connect: 2s, first_byte: 1s, idle: 1s, total: 1s}}}}
upstreams:
  openai: {{dialect: openai, url: "http://127.0.0.1:{port}", hosts: {HOST}}}
  other: {{dialect: openai, url: "http://127.0.0.1:{port}/other", api_key: k}}
routes:
  - name: any
    match: {{upstream: openai}}
    deadline: 1s
    targets: [openai, other]
    last_resort: mock
"""
    return policy(folder, text)


@pytest.fixture
def proxy(echo: Echo, tmp_path: Path) -> Iterator[Serving]:
    with serving(_policy(tmp_path, echo.port), "--drain", "300ms") as running:
        yield running


def _talk(proxy: Serving) -> Talk:
    return Talk(socket.create_connection(("127.0.0.1", proxy.port)))


def _session(talk: Talk, echo: Echo, path: str) -> None:
    """From the answer to the upgrade to the end."""
    status, fields = talk.head()
    assert status == 101
    assert fields["upgrade"].lower() == "websocket"
    assert fields["connection"].lower() == "upgrade"
    assert fields["sec-websocket-accept"] == ACCEPT
    assert fields["x-understudy-source"] == "upstream"
    assert fields["via"] == "1.1 understudy"
    assert echo.word() == "open"
    assert talk.text() == f"hello {path}"
    talk.send(frame("how are you?"))
    assert talk.text() == "how are you?"


async def test_a_thousand_messages_and_large_ones(proxy: Serving, echo: Echo) -> None:
    url = f"{proxy.listen}/openai/v1/realtime?model=gpt"
    headers = {"Authorization": "Bearer sk-app"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(url, max_msg_size=0, protocols=("realtime",)) as talk,
    ):
        assert talk.protocol == "realtime"
        assert await talk.receive_str() == "hello /v1/realtime?model=gpt"
        for number in range(1000):
            await talk.send_str(f"message {number}")
        for number in range(1000):
            assert await talk.receive_str() == f"message {number}"
        large = bytes(range(256)) * (8 * MIB // 256)
        sending = asyncio.create_task(talk.send_bytes(large))
        assert await talk.receive_bytes() == large
        await sending
        await asyncio.sleep(2.2)  # longer than any timeout of the policy
        await talk.send_str("still there?")
        assert await talk.receive_str() == "still there?"
        await talk.send_str("close 4321")
        assert (await talk.receive()).type is aiohttp.WSMsgType.CLOSE
        assert talk.close_code == 4321
    assert echo.word() == "open"
    assert echo.word().startswith("closed")
    assert _ended(proxy)["health"]["success_count"] == 1


async def test_the_app_closes(proxy: Serving, echo: Echo) -> None:
    headers = {"Authorization": "Bearer sk-app"}
    async with aiohttp.ClientSession(headers=headers) as session:
        talk = await session.ws_connect(f"{proxy.listen}/openai/v1/realtime")
        await talk.receive_str()
        assert await talk.close(code=4999)
    assert [echo.word(), echo.word()] == ["open", "closed 4999"]


def _ended(proxy: Serving) -> dict[str, Any]:
    """The upstream's standing, when nothing runs any more."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        told = proxy.status()
        if told["overall"]["total_requests"]:
            break
        time.sleep(0.02)
    return told["upstreams"][0]


def test_by_absolute_form(proxy: Serving, echo: Echo) -> None:
    with _talk(proxy) as talk:
        talk.send(asking(f"http://{HOST}/v1/realtime?a=b", HOST))
        _session(talk, echo, "/v1/realtime?a=b")


def test_passed_through(proxy: Serving, echo: Echo) -> None:
    with _talk(proxy) as talk:
        host = f"127.0.0.1:{echo.port}"
        talk.send(asking(f"http://{host}/v1/realtime", host))
        assert talk.head()[0] == 101


def test_in_a_tunnel(proxy: Serving, echo: Echo) -> None:
    with _talk(proxy) as talk:
        talk.send(f"CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}:80\r\n\r\n".encode())
        assert talk.head()[0] == 200
        talk.send(asking("/v1/realtime", HOST))
        _session(talk, echo, "/v1/realtime")


def test_in_a_tunnel_with_tls(proxy: Serving, echo: Echo, tmp_path: Path) -> None:
    with _talk(proxy) as talk:
        talk.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
        assert talk.head()[0] == 200
        trust = ssl.create_default_context(cafile=tmp_path / "state" / "ca" / "ca.pem")
        with Talk(trust.wrap_socket(talk.connection, server_hostname=HOST)) as inner:
            inner.send(asking("/v1/realtime", HOST) + frame("at once"))
            status, _ = inner.head()
            assert status == 101
            assert inner.text() == "hello /v1/realtime"
            assert inner.text() == "at once"


def test_a_server_behind_tls(tmp_path: Path) -> None:
    Tls.made_in(tmp_path)
    file = tmp_path / "localhost.pem"
    with echoing(str(file)) as echo:
        text = f"""
version: 1
upstreams:
  openai: {{dialect: openai, url: "https://localhost:{echo.port}", ca_file: "{file}"}}
"""
        with serving(policy(tmp_path, text)) as proxy, _talk(proxy) as talk:
            talk.send(asking("/openai/v1/realtime") + frame("at once"))
            assert talk.head()[0] == 101
            assert [talk.text(), talk.text()] == ["hello /v1/realtime", "at once"]
            assert echo.word() == "open"
            talk.connection.shutdown(socket.SHUT_RDWR)
            assert echo.word(GONE_S) == "closed 1006"


def test_frames_behind_the_request_are_not_lost(proxy: Serving) -> None:
    with _talk(proxy) as talk:
        talk.send(asking("/openai/v1/realtime") + frame("at once") + frame("twice"))
        assert talk.head()[0] == 101
        assert [talk.text(), talk.text(), talk.text()] == [
            "hello /v1/realtime",
            "at once",
            "twice",
        ]


def test_the_server_dies(proxy: Serving, echo: Echo) -> None:
    with _talk(proxy) as talk:
        talk.send(asking("/openai/v1/realtime"))
        _session(talk, echo, "/v1/realtime")
        echo.process.kill()
        assert talk.rest() == b""  # no frame that says it was closed


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_the_app_dies(proxy: Serving, echo: Echo, reset: bool) -> None:
    with _talk(proxy) as talk:
        talk.send(asking("/openai/v1/realtime"))
        _session(talk, echo, "/v1/realtime")
        if reset:
            linger = struct.pack("ii", 1, 0)
            talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert echo.word(GONE_S) == "closed 1006"
    health = _ended(proxy)["health"]
    assert health["failure_count"] == 0  # no blame for the provider


def test_a_drain_ends_it(proxy: Serving, echo: Echo) -> None:
    with _talk(proxy) as talk:
        talk.send(asking("/openai/v1/realtime"))
        _session(talk, echo, "/v1/realtime")
        proxy.signal()
        with pytest.raises(ConnectionResetError):
            talk.text()
    assert echo.word(GONE_S) == "closed 1006"


def test_a_declined_one_is_answered_and_the_connection_ends(proxy: Serving, echo: Echo) -> None:
    behind = b"GET /openai/v1/plain HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(proxy.port) as wire:
        declined = asking("/openai/v1/realtime", Authorization="").replace(
            b"Authorization: \r\n", b""
        )
        wire.send(declined + behind)
        response = wire.response()
        assert response.status == 401
        assert response.body == b"who are you?"
        assert response.value("connection") == "close"
        with pytest.raises(ConnectionError):
            wire.response()  # what came behind was no request


@pytest.mark.parametrize(
    "change",
    [
        {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
        {"Connection": "keep-alive"},
        {"Upgrade": "websocket/13"},
    ],
    ids=["h2c", "not named in Connection", "another"],
)
def test_others_are_passed_over(proxy: Serving, change: dict[str, str]) -> None:
    with Wire(proxy.port) as wire:
        wire.send(asking("/openai/v1/plain", **change))
        response = wire.response()
        assert response.status == 200
        assert response.body == b"upgrade: none"


def _switches(server: socket.socket, said: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(2**16)
        connection.sendall(said)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"Connection: upgrade\r\nUpgrade: websocket\r\n", 101),
        (b"Connection: upgrade\r\nUpgrade: h2c\r\n", 502),
        (b"Connection: upgrade\r\n", 502),
        (b"Upgrade: websocket\r\n", 502),
    ],
    ids=["as asked", "to another", "to nothing", "for nobody"],
)
def test_what_a_server_switches_to_and_says_at_once(
    tmp_path: Path, answer: bytes, status: int
) -> None:
    said = b"HTTP/1.1 101 Switching Protocols\r\n" + answer + b"\r\n\x81\x02hi"
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_switches, args=(server, said), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        text = f"""
version: 1
upstreams:
  openai: {{dialect: openai, url: "{url}", retry: {{attempts: 1}}}}
"""
        with serving(policy(tmp_path, text)) as proxy, _talk(proxy) as talk:
            talk.send(asking("/openai/v1/realtime"))
            told, _ = talk.head()
            assert told == status
            if status == 101:
                assert talk.rest() == b"\x81\x02hi"
