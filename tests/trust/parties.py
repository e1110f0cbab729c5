"""Both sides of TLS over loopback, and the certificates that stand between them."""

import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.core.event import AuthorityIssued, Event
from proxy.core.journal import Journal
from proxy.trust.authority import Authority
from proxy.trust.pair import Pair, read

NOW = 1_800_000_000.0
DAY_S = 86_400.0
HOSTS = ("api.example.com:443", "127.0.0.1:8080", "[::1]")


class Ears:
    """Hears what the CA announces."""

    def __init__(self) -> None:
        self.heard: list[AuthorityIssued] = []

    def __call__(self, event: Event, journal: Journal | None) -> None:
        assert isinstance(event, AuthorityIssued)
        assert journal is None
        self.heard.append(event)


class Wall:
    """A clock on the wall that goes when it is told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def opened(folder: Path, *hosts: str) -> Authority:
    """The CA of `folder` for `hosts`, now."""
    return Authority.open(folder, hosts or HOSTS, Ears())


def pair_of(folder: Path) -> Pair:
    """What a thief of the folder has."""
    _, pair = read(folder)
    assert pair is not None
    return pair


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def shake(
    server: ssl.SSLContext, host: str, trusted: bytes, client: ssl.SSLContext | None = None
) -> None:
    """A handshake, and a word from the server. Raises what the client raises."""
    context = client or ssl.create_default_context()
    context.load_verify_locations(cadata=trusted.decode())
    near, far = socket.socketpair()
    with near, far:
        answering = Thread(target=_answer, args=(server, far), daemon=True)
        answering.start()
        try:
            with context.wrap_socket(near, server_hostname=host) as secured:
                secured.settimeout(10)
                assert secured.recv(2) == b"ok"
        finally:
            near.close()
            answering.join(10)


def _answer(context: ssl.SSLContext, end: socket.socket) -> None:
    try:
        with context.wrap_socket(end, server_side=True) as secured:
            secured.sendall(b"ok")
    except OSError:
        pass  # the client has said why it went


class _Ok(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Ok)
        self._context = context

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted, address = super().get_request()
        accepted.settimeout(10)
        shaking = self._context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        )
        return shaking, address

    def handle_error(self, *_: Any) -> None:
        """A client that went says itself why."""


@contextmanager
def website(context: ssl.SSLContext) -> Iterator[int]:
    """The port of a server over TLS that answers every GET with `ok`."""
    with _Server(context) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)


def said(*command: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """What a command printed, on both streams; with its status where that is not 0."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env=None if environ is None else dict(environ),
        timeout=90,
        check=False,
    )
    status = f"\nstatus {done.returncode}" if done.returncode else ""
    return done.stdout + done.stderr + status
