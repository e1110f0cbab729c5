"""A proxy and the servers behind it, all in one: every name leads to the same two origins."""

import base64
import datetime
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HEAD_BYTES = 65_536
AUTHORIZATION = (
    "proxy-authorization: basic " + base64.b64encode(b"understudy:token").decode().lower()
)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._serve = serve

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._serve(request)


class Relay:
    """`seen` is the first line of what the proxy was asked, less its version. Origins echo the
    body behind the word `plain` or `secure`, in two pieces. A tunnel to refused.test is refused."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = _certificate(folder, "api.test")
        self.seen: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._servers = [_Server(self._as_proxy), _Server(_plain)]
        self.port, self.origin_port = (server.server_address[1] for server in self._servers)

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _as_proxy(self, connection: socket.socket) -> None:
        with connection:
            head = _head(connection)
            if head.startswith("CONNECT "):
                self._tunnel(connection, head)
                return
            while head:
                self.seen.append(" ".join(head.split()[:2]))
                assert AUTHORIZATION in head.lower()
                _answer(connection, head, "plain")
                head = _head(connection)

    def _tunnel(self, connection: socket.socket, head: str) -> None:
        self.seen.append(" ".join(head.split()[:2]))
        assert AUTHORIZATION in head.lower()
        if "refused.test" in head:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            with self._context.wrap_socket(connection, server_side=True) as secure:
                while head := _head(secure):
                    _answer(secure, head, "secure")
        except OSError:  # a client that does not trust us says so and goes
            return


def _plain(connection: socket.socket) -> None:
    with connection:
        while head := _head(connection):
            _answer(connection, head, "plain")


def _head(connection: socket.socket) -> str:
    """Up to its end; empty where the other side has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = connection.recv(1)
        except OSError:
            return ""
        if not piece or len(data) > HEAD_BYTES:
            return ""
        data += piece
    return data.decode()


def _answer(connection: socket.socket, head: str, word: str) -> None:
    fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
    body = b""
    if fields.get("transfer-encoding") == "chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(HEAD_BYTES)
        body = body.split(b"\r\n")[1] if not body.startswith(b"0") else b""
    while len(body) < int(fields.get("content-length", 0)):
        body += connection.recv(HEAD_BYTES)
    rest = b" " + body
    length = len(word) + len(rest)
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{word}".encode())
    threading.Event().wait(0.02)  # so that it comes in two pieces
    connection.sendall(rest)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret
