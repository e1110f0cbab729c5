"""A provider behind TLS: believed only with a certificate that the machine, or its user, trusts."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.outside.process import policy, serving
from tests.outside.wire import ask

PEM = serialization.Encoding.PEM
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def _certificate(folder: Path) -> Path:
    """Of `localhost`, signed by itself, its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    own = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "localhost.pem"
    file.write_bytes(made.public_bytes(PEM) + own)
    return file


def _answer(server: socket, context: ssl.SSLContext) -> None:
    """One request a connection, until the server is closed."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as talk:
            talk.recv(2**16)
            talk.sendall(ANSWER)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, context), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("host", "trusted", "status"),
    [("localhost", True, 200), ("localhost", False, 502), ("127.0.0.1", True, 502)],
    ids=["trusted", "untrusted", "of another name"],
)
def test_a_certificate_is_checked(
    certificate: Path, port: int, tmp_path: Path, host: str, trusted: bool, status: int
) -> None:
    text = f"""
version: 1
upstreams: {{openai: {{dialect: openai, url: "https://{host}:{port}", retry: {{attempts: 1}}}}}}
"""
    told = {"SSL_CERT_FILE": str(certificate)} if trusted else {}
    with serving(policy(tmp_path, text), environ=told) as proxy:
        response = ask(proxy.port, "GET", "/openai/v1/models")
    assert response.status == status
    assert (b"its certificate is not trusted" in response.body) is (status == 502)
