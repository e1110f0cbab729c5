"""The outer ends of a tunnel: real sockets, and our connection with each."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.capture.tunnels.tunnel import RESET_AT_CLOSE
from proxy.capture.tunnels.waiting import Waiting


@dataclass(frozen=True)
class Tls:
    """Both sides of a connection with `localhost`."""

    ours: ssl.SSLContext
    theirs: ssl.SSLContext

    @classmethod
    def made_in(cls, folder: Path) -> "Tls":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = folder / "localhost.pem"
        file.write_bytes(
            made.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption())
        )
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(file)
        return cls(ours, ssl.create_default_context(cafile=file))


class _Told(Waiting):
    """What has a connection before the tunnel does, and says so."""

    def __init__(self, made: asyncio.Future[asyncio.Transport]) -> None:
        super().__init__()
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._made.set_result(cast(asyncio.Transport, transport))


@dataclass(frozen=True)
class End:
    """One outer end. `ours` is the transport of our connection with it, not read."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ours: asyncio.Transport
    waiting: Waiting

    def reset(self) -> None:
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self.writer.transport.abort()

    async def was_reset(self) -> bool:
        """Whether it ends in a reset, whatever comes before."""
        try:
            await self.reader.read()
        except ConnectionResetError:
            return True
        return False


@asynccontextmanager
async def open_end(tls: Tls | None = None) -> AsyncIterator[End]:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[asyncio.Transport] = loop.create_future()
    waiting = _Told(found)
    server = await loop.create_server(
        lambda: waiting, "127.0.0.1", 0, ssl=tls.ours if tls else None
    )
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        server.sockets[0].getsockname()[1],
        ssl=tls.theirs if tls else None,
        server_hostname="localhost" if tls else None,
    )
    try:
        yield End(reader, writer, await found, waiting)
    finally:
        if not writer.transport.is_closing():
            writer.transport.abort()
        server.close()
        await asyncio.sleep(0.01)  # for the loop to take it down
