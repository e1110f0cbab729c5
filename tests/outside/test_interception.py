"""HTTPS_PROXY for the host of an upstream: our certificate, and then requests like any other."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from proxy.capture.tunnels.tunnel import RESET_AT_CLOSE
from proxy.drill.faults.good import GOOD
from tests.outside.policies import APP_KEY, HOST, OTHER_KEY, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.outside.running import until
from tests.outside.tunnel import TlsWire, connect, half_close, trusted_ca
from tests.outside.wire import Wire, request
from tests.provider import Provider

AUTHORITY = f"{HOST}:443"
CHAT = orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
FIELDS = [
    ("Host", HOST),
    ("Authorization", f"Bearer {APP_KEY}"),
    ("Content-Type", "application/json"),
]
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("interception"), two(providers))) as running:
        with Wire(running.port) as wire:
            connect(wire, AUTHORITY)  # the CA is made with the first
        yield running


@pytest.fixture(scope="module")
def trusted(proxy: Serving) -> Path:
    return proxy.state / "ca" / "ca.pem"


def test_requests_inside_are_served_one_after_the_other(
    proxy: Serving, first: Provider, trusted: Path
) -> None:
    with TlsWire(proxy.port, AUTHORITY, trusted) as wire:
        assert wire.connected.status == 200
        assert wire.connected.fields == (), "a 2xx to CONNECT has neither length nor coding"
        assert wire.tls.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            response = wire.ask("POST", PATH, FIELDS, CHAT)
            assert response.status == 200
            assert response.value("x-understudy-source") == "upstream"
    assert [seen.target for seen in first.requests] == [PATH] * 3
    assert {seen.values("authorization")[0] for seen in first.requests} == {f"Bearer {APP_KEY}"}


def test_two_requests_sent_at_once_are_answered_in_order(
    proxy: Serving, first: Provider, trusted: Path
) -> None:
    with TlsWire(proxy.port, AUTHORITY, trusted) as wire:
        wire.send(request("POST", PATH, FIELDS, CHAT) * 2)
        assert [wire.response("POST").status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("piece", [0, 1, 7, None], ids=["with CONNECT", "bytes", "sevens", "whole"])
def test_no_way_of_sending_a_client_hello_loses_any_of_it(
    proxy: Serving, trusted: Path, piece: int | None
) -> None:
    for _ in range(100 if piece == 0 else 20):
        with TlsWire(proxy.port, AUTHORITY, trusted, piece=piece) as wire:
            assert wire.tls.version() == "TLSv1.3"


def test_a_failure_inside_goes_to_the_next_provider_with_its_own_key(
    proxy: Serving, first: Provider, second: Provider, trusted: Path
) -> None:
    from proxy.drill.faults.server_error import ServerError

    first.plays(ServerError(503))
    with TlsWire(proxy.port, AUTHORITY, trusted) as wire:
        response = wire.ask("POST", PATH, FIELDS, CHAT)
    assert response.status == 200
    assert response.value("x-understudy-target") == "other"
    (seen,) = second.requests
    assert seen.values("authorization") == [f"Bearer {OTHER_KEY}"]
    first.plays(GOOD)


def test_a_client_that_names_another_server_gets_no_certificate(
    proxy: Serving, trusted: Path
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsWire(proxy.port, AUTHORITY, trusted, name="elsewhere.test")


def test_a_request_for_another_host_than_the_tunnel_is_misdirected(
    proxy: Serving, first: Provider, trusted: Path
) -> None:
    with TlsWire(proxy.port, AUTHORITY, trusted) as wire:
        response = wire.ask("GET", "/v1/models", [("Host", "raw.test")])
        assert response.status == 421
        assert wire.closed_within(5)
    assert not first.requests


def test_plain_http_inside_a_tunnel_is_served_too(proxy: Serving, first: Provider) -> None:
    """Some clients (undici, websockets) ask for a tunnel also for http:// URLs."""
    with Wire(proxy.port) as wire:
        assert connect(wire, f"{HOST}:80").status == 200
        assert wire.ask("POST", PATH, FIELDS, CHAT).status == 200
    assert len(first.requests) == 1


@pytest.mark.parametrize("port", [22, 8443, 0, 65536])
def test_no_tunnel_leads_to_another_port_of_an_upstreams_host(
    proxy: Serving, first: Provider, port: int
) -> None:
    tail = request("GET", "/openai/v1/next")
    with Wire(proxy.port) as wire:
        wire.send(request("CONNECT", f"{HOST}:{port}", [("Host", HOST)]) + tail)
        assert wire.response().status == (403 if 0 < port < 65536 else 400)
        assert wire.rest() == b"", "what follows a refused CONNECT is never read as a request"
    assert not first.requests


@pytest.mark.parametrize("target", ["/", "*", HOST, f"{HOST}:", f"user@{HOST}:443", f":{443}"])
def test_a_connect_to_no_host_and_port_is_refused(proxy: Serving, target: str) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("CONNECT", target))
        assert wire.response().status == 400
        assert wire.rest() == b""


def test_the_proxys_own_ports_are_no_place_to_tunnel_to(proxy: Serving) -> None:
    with Wire(proxy.port) as wire:
        assert connect(wire, f"127.0.0.1:{proxy.port}").status == 508


def test_a_client_without_our_ca_is_told_of_once(proxy: Serving) -> None:
    for _ in range(3):
        with pytest.raises(ssl.SSLError):
            TlsWire(proxy.port, AUTHORITY, None)
    proxy.log_has("does not trust")
    told = [line for line in proxy.log.splitlines() if "does not trust" in line]
    assert len(told) == 1, proxy.log
    assert HOST in told[0]


def test_silence_and_garbage_inside_a_tunnel_end_it(proxy: Serving) -> None:
    for garbage in (b"\x16\x03\x01\x00\x05hello", b"\x16" * 100, b"\x00" * 100, b"no HTTP\r\n\r\n"):
        with Wire(proxy.port) as wire:
            connect(wire, AUTHORITY)
            wire.send(garbage)
            wire.rest()
    with Wire(proxy.port) as wire:
        connect(wire, AUTHORITY)
    assert proxy.ask("/healthz")


def test_every_file_of_the_ca_is_its_owners_alone(proxy: Serving, trusted: Path) -> None:
    assert (trusted.parent.stat().st_mode & 0o777, trusted.stat().st_mode & 0o077 & 0o022) == (
        0o700,
        0,
    )
    assert trusted.with_suffix(".key").stat().st_mode & 0o777 == 0o600


def test_leaving_within_a_handshake_leaves_nothing_behind(proxy: Serving) -> None:
    for _ in range(50):
        with Wire(proxy.port) as wire:
            connect(wire, AUTHORITY, more=b"\x16\x03\x01\x02\x00")
    assert proxy.ask("/healthz")
    with socket.create_connection(("127.0.0.1", proxy.port)) as plain:
        plain.close()


def test_a_host_of_a_new_policy_is_intercepted_at_once(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    with serving(policy(tmp_path, two(providers))) as running:
        trusted = trusted_ca(running, HOST)
        before = trusted.read_bytes()
        bundle = trusted.with_name("bundle.pem")
        bundle.write_bytes(b"the bundle as it was")
        policy(tmp_path, two(providers).replace(f"hosts: {HOST}", f"hosts: [{HOST}, new.test]"))
        running.log_has("new.test")
        assert trusted.read_bytes() != before
        until(lambda: bundle.read_bytes().startswith(trusted.read_bytes()))
        with TlsWire(running.port, "new.test:443", bundle) as wire:
            assert wire.ask("POST", PATH, [("Host", "new.test"), *FIELDS[1:]], CHAT).status == 200
        old = tmp_path / "old.pem"
        old.write_bytes(before)  # trusted by hand before: it goes on for what it was good for
        with TlsWire(running.port, AUTHORITY, old) as wire:
            assert wire.ask("POST", PATH, FIELDS, CHAT).status == 200
        with pytest.raises(ssl.SSLError, match="permitted subtree"):
            TlsWire(running.port, "new.test:443", old)


@pytest.mark.parametrize("reset", [False, True], ids=["ends", "resets"])
def test_who_leaves_as_soon_as_it_has_asked_is_no_bug(proxy: Serving, reset: bool) -> None:
    for _ in range(20):
        with Wire(proxy.port) as wire:
            wire.send(request("CONNECT", AUTHORITY, [("Host", AUTHORITY)]))
            if reset:
                wire._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            else:
                half_close(wire)
                wire.rest()
    with Wire(proxy.port) as wire:
        assert connect(wire, AUTHORITY).status == 200
    assert "A bug in" not in proxy.log


def test_a_stop_does_not_wait_for_tunnels_in_which_nobody_speaks(
    providers: Providers, tmp_path: Path
) -> None:
    with serving(policy(tmp_path, two(providers))) as proxy, Wire(proxy.port) as wire:
        assert connect(wire, AUTHORITY).status == 200
        time.sleep(1.5)
        began = time.monotonic()
        proxy.stop()
        assert time.monotonic() - began < 5


def test_who_is_refused_inside_hears_it_also_after_a_large_upload(
    proxy: Serving, first: Provider, trusted: Path
) -> None:
    upload = request("POST", PATH, [("Host", "raw.test")], b"x" * (20 * 2**20))
    with TlsWire(proxy.port, AUTHORITY, trusted) as wire:
        with suppress(OSError):  # it need not be taken
            for at in range(0, len(upload), 2**20):
                wire.send(upload[at : at + 2**20])
        assert wire.response().status == 421
    assert not first.requests
