"""Certificates made for a test, and servers that show them: real TLS, on loopback."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.upstream.serving import serving

PEM = serialization.Encoding.PEM
_OPEN = serialization.NoEncryption()


class Issuer:
    """A certificate authority, its files in `folder`."""

    def __init__(self, folder: Path, name: str = "root") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._issued = 1
        made = self._begin(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 1
    ) -> x509.CertificateBuilder:
        self._issued += 1
        begins = datetime.now(UTC) - timedelta(days=2)
        ends = datetime.now(UTC) + timedelta(days=days)
        return x509.CertificateBuilder(
            self._name, subject, key.public_key(), self._issued, begins, ends
        )

    def issue(
        self, name: str, *, days: int = 1, password: bytes | None = None
    ) -> tuple[Path, Path]:
        """Files of a certificate for `name`, a host or an address, and of its key. `days` from now
        it ends."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        try:
            told: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            told = x509.DNSName(name)
        made = (
            self._begin(subject, key, days)
            .add_extension(x509.SubjectAlternativeName([told]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        cert = self._folder / f"{name}-{self._issued}.pem"
        own = cert.with_suffix(".key")
        locked = serialization.BestAvailableEncryption(password) if password else _OPEN
        cert.write_bytes(made.public_bytes(PEM))
        own.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, locked))
        return cert, own


class Secured:
    """An HTTP server behind TLS that answers everything with `ok`, and knows who came."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.shown: list[str] = []
        """The names in the certificates that clients showed, one for each request."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            peer = writer.get_extra_info("peercert") or {}
            names = [value for _, value in peer.get("subjectAltName", ())]
            self.shown.append(",".join(names))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@asynccontextmanager
async def secured(
    certificate: tuple[Path, Path], clients: Path | None = None
) -> AsyncIterator[Secured]:
    """`clients`: the roots of which a client has to show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    served = Secured()
    async with serving(served.serve, context) as served.port:
        yield served


@contextmanager
def strict(certificate: tuple[Path, Path], clients: Path) -> Iterator[int]:
    """The port of a server that lets nobody in, and says why by TLS's own alert, which asyncio's
    servers leave out."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(clients)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # the test is over
                return
            with connection.dup() as kept, suppress(OSError):
                with suppress(OSError):
                    context.wrap_socket(connection, server_side=True)
                while kept.recv(2**16):  # or closing it would reset it, the alert unread
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
