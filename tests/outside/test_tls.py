"""A provider behind TLS: believed only with a certificate that the machine, or its user, trusts."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.outside.process import policy, serving, understudy
from tests.outside.wire import ask
from tests.upstream.certificates import Issuer

PEM = serialization.Encoding.PEM


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
    """Until the server is closed, one request a connection: it is told the names in the client's
    certificate."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as talk:
            talk.recv(2**16)
            names = [name for _, name in (talk.getpeercert() or {}).get("subjectAltName", ())]
            shown = ",".join(map(str, names)).encode() or b"hi"
            talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(shown), shown))


@contextmanager
def _served(context: ssl.SSLContext) -> Iterator[int]:
    with create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, context), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(SHUT_RDWR)
        thread.join(5)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with _served(context) as port:
        yield port


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


SECURE = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: "https://localhost:%d"
    retry: {attempts: 1}
    ca_file: certs/root.pem
    cert_file: certs/us.pem
    key_file: certs/us.key
"""


def _renew(issuer: Issuer, folder: Path, name: str) -> None:
    for source, file in zip(issuer.issue(name), ("us.pem", "us.key"), strict=True):
        source.replace(folder / file)


def test_a_policys_own_root_and_certificate_also_when_renewed(tmp_path: Path) -> None:
    path = policy(tmp_path, "")
    certs = path / "certs"
    certs.mkdir()
    issuer = Issuer(certs)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issuer.issue("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(issuer.file)
    _renew(issuer, certs, "first.test")
    with _served(context) as port:
        policy(tmp_path, SECURE % port)
        with serving(path) as proxy:
            assert ask(proxy.port, "GET", "/openai/v1/models").body == b"first.test"
            before = proxy.status()["policies"]["digest"]
            _renew(issuer, certs, "second.test")
            proxy.ask("/reload", "POST")
            assert proxy.status()["policies"]["digest"] != before
            assert ask(proxy.port, "GET", "/openai/v1/models").body == b"second.test"
            (certs / "us.key").write_text("no key")
    checked = understudy("check", str(path))
    assert checked.status == 1
    assert checked.out == (
        f"{path / 'policy.yaml'}:10:15: 'key_file' holds no private key; write it as PEM text "
        "(-----BEGIN PRIVATE KEY-----)\n"
    )
