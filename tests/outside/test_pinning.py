"""Apps that take one certificate only, the provider's: what `on_pinning` makes of them."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from proxy.drill.faults.good import GOOD
from tests.outside.process import Serving, policy, serving
from tests.outside.tunnel import TlsWire, trusted_ca
from tests.outside.wire import Wire
from tests.provider import Provider
from tests.upstream.certificates import Issuer


class Secured:
    """A server behind TLS that answers everything with `ok`."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._listening = context.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True, do_handshake_on_connect=False
        )
        self.port = self._listening.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection, suppress(OSError):
                while connection.recv(2**16):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def real(issuer: Issuer) -> Iterator[Secured]:
    """The provider itself, as an app reaches it that is not intercepted."""
    with closing(Secured(issuer.issue("127.0.0.1"))) as server:
        yield server


def _policy(real: Secured, provider: Provider, on_pinning: str) -> str:
    return f"""
version: 1
on_pinning: {on_pinning}
upstreams:
  openai: {{dialect: openai, url: {provider.url}, hosts: ["127.0.0.1:{real.port}"]}}
"""


@pytest.fixture(params=["tunnel", "refuse"])
def on_pinning(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxy(on_pinning: str, real: Secured, first: Provider, tmp_path: Path) -> Iterator[Serving]:
    first.plays(GOOD)
    with serving(policy(tmp_path, _policy(real, first, on_pinning))) as running:
        yield running


def _authority(real: Secured) -> str:
    return f"127.0.0.1:{real.port}"


def test_an_app_that_refuses_our_certificate_may_get_through_the_next_time(
    proxy: Serving, on_pinning: str, real: Secured, issuer: Issuer, first: Provider
) -> None:
    before = real.connections
    with pytest.raises(ssl.SSLError):
        TlsWire(proxy.port, _authority(real), issuer.file)
    if on_pinning == "tunnel":
        with TlsWire(proxy.port, _authority(real), issuer.file) as wire:
            assert wire.ask("GET", "/", [("Host", _authority(real))]).body == b"ok"
        assert real.connections == before + 1
    else:
        with pytest.raises(ssl.SSLError):
            TlsWire(proxy.port, _authority(real), issuer.file)
        assert real.connections == before
    assert not first.requests
    proxy.log_has("does not trust")
    assert proxy.log.count("does not trust") == 1
    (why,) = proxy.status()["degraded_why"]
    assert "127.0.0.1" in why


def test_an_app_that_looks_after_the_handshake_and_leaves_is_noticed_too(
    proxy: Serving, on_pinning: str, real: Secured, issuer: Issuer
) -> None:
    ours = trusted_ca(proxy, _authority(real).removesuffix(f":{real.port}"), real.port)
    for _ in range(3):
        TlsWire(proxy.port, _authority(real), ours).close()
    proxy.log_has("seem not to trust")
    if on_pinning == "tunnel":
        with TlsWire(proxy.port, _authority(real), issuer.file) as wire:
            assert wire.ask("GET", "/", [("Host", _authority(real))]).body == b"ok"


def test_who_trusts_us_is_served_by_us(proxy: Serving, real: Secured, first: Provider) -> None:
    before = real.connections
    ours = trusted_ca(proxy, "127.0.0.1", real.port)
    with TlsWire(proxy.port, _authority(real), ours) as wire:
        assert wire.ask("GET", "/v1/models", [("Host", _authority(real))]).status == 200
    for _ in range(5):
        TlsWire(proxy.port, _authority(real), ours).close()  # opened ahead, and not needed
    with Wire(proxy.port) as plain:
        assert plain.ask("GET", "/openai/v1/models").status == 200
    assert real.connections == before
    assert "trust the certificate" not in proxy.log


def test_an_app_that_asks_is_known_before_its_connection_ends(
    proxy: Serving, real: Secured, first: Provider
) -> None:
    ours = trusted_ca(proxy, "127.0.0.1", real.port)
    with TlsWire(proxy.port, _authority(real), ours) as wire:
        assert wire.ask("GET", "/v1/models", [("Host", _authority(real))]).status == 200
        for _ in range(5):
            TlsWire(proxy.port, _authority(real), ours).close()
        assert wire.ask("GET", "/v1/models", [("Host", _authority(real))]).status == 200
        with TlsWire(proxy.port, _authority(real), ours) as other:
            assert other.ask("GET", "/v1/models", [("Host", _authority(real))]).status == 200
    assert "trust the certificate" not in proxy.log
