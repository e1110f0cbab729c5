"""Applications that know of no proxy at all: the firewall brings them, with the rules that ship."""

import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from proxy.trust.authority import Authority
from tests.outside.network import (
    NOBODY,
    own_network,
    redirecting,
    what_lacks,
)
from tests.outside.policies import APP_KEY, HOST, Providers, two
from tests.outside.process import Serving, environment, policy, serving
from tests.provider import Provider

LACKS = what_lacks()
pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)

PORT = 8902
PROXY = 0  # whose rights these tests run with
PATH = "/v1/chat/completions"
CHAT = orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).decode()
NOWHERE = "198.51.100.7"  # this address is on the network, and nobody listens there
PUBLIC, PUBLIC_6, PRIVATE = "8.8.4.4", "2001:4860:4860::8844", "10.1.2.3"
STRANGER = "stranger.test"
WORD = b"this is the stranger"
BOTH = pytest.mark.parametrize("tool", ["nft", "iptables"])


class Stranger:
    """A server of HTTP and HTTPS at three addresses, with a certificate of another authority."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.asked: list[str] = []
        self._listening = [
            socket.create_server((host, port), family=family)
            for family, host in (
                (socket.AF_INET, PUBLIC),
                (socket.AF_INET, PRIVATE),
                (socket.AF_INET6, PUBLIC_6),
            )
            for port in (80, 443)
        ]
        for listening in self._listening:
            threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def _serve(self, listening: socket.socket) -> None:
        """One request a connection, until it is closed."""
        host, port, *_ = listening.getsockname()
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.asked.append(host)
            with suppress(OSError), connection:
                if port == 443:
                    connection = self._context.wrap_socket(connection, server_side=True)
                with connection:
                    connection.recv(2**16)
                    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    connection.sendall(head % len(WORD) + WORD)

    def close(self) -> None:
        for listening in self._listening:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    """Before anything else of this module, so that all of it is in there."""
    with own_network((NOWHERE, PUBLIC, PUBLIC_6, PRIVATE)):
        yield


@pytest.fixture(scope="module")
def readable() -> Iterator[Path]:
    """A folder that the application may read, whoever it runs as."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def stranger(
    network: None, readable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stranger]:
    folder = tmp_path_factory.mktemp("strangers") / "ca"
    authority = Authority.open(folder, [STRANGER], lambda event, journal: None)
    (readable / "stranger.pem").write_bytes(authority.certificate_pem)
    server = Stranger(authority.context(STRANGER))
    yield server
    server.close()


@pytest.fixture(scope="module")
def proxy(
    network: None,
    providers: Providers,
    stranger: Stranger,
    readable: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Serving]:
    policies = policy(tmp_path_factory.mktemp("transparent"), two(providers))
    with serving(policies, "--transparent", str(PORT)) as running:
        yield running


@pytest.fixture
def ours(proxy: Serving, readable: Path) -> Path:
    """The certificate of the proxy's CA, made with the first connection that wants it."""
    ca = readable / "ours.pem"
    if not ca.exists():
        with redirecting(PORT, PROXY, "nft"):
            curl(f"https://{HOST}/", NOWHERE, "--insecure")
        ca.write_bytes((proxy.state / "ca" / "ca.pem").read_bytes())
    return ca


@pytest.fixture
def theirs(stranger: Stranger, readable: Path) -> Path:
    stranger.asked.clear()
    return readable / "stranger.pem"


def curl(url: str, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As an application of another user, for which `url`'s host has that `address`."""
    host = url.partition("://")[2].partition("/")[0]
    shown = f"[{address}]" if ":" in address else address
    known = ("--resolve", f"{host}:80:{shown}", "--resolve", f"{host}:443:{shown}")
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "8", *known, *arguments, url],
        capture_output=True,
        text=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=(),
        cwd="/",
        env=environment({}),
        timeout=15,
        check=False,
    )


def chat(scheme: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of the first provider, at an address where nobody is."""
    key = f"Authorization: Bearer {APP_KEY}"
    call = ("--include", "--header", key, "--json", CHAT)
    return curl(f"{scheme}://{HOST}{PATH}", NOWHERE, *call, *arguments)


@BOTH
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_calls_of_an_upstream_are_served(
    tool: str, scheme: str, ours: Path, first: Provider
) -> None:
    with redirecting(PORT, PROXY, tool):
        done = chat(scheme, "--cacert", str(ours))
    assert done.returncode == 0, done
    assert done.stdout.startswith("HTTP/1.1 200 ")
    assert "x-understudy-source: upstream" in done.stdout.lower()
    (seen,) = first.requests
    assert seen.target == PATH
    assert seen.values("authorization") == [f"Bearer {APP_KEY}"]


@BOTH
@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_6], ids=["IPv4", "IPv6"])
def test_a_stranger_is_reached_as_if_nothing_were_between(
    tool: str, scheme: str, address: str, proxy: Serving, stranger: Stranger, theirs: Path
) -> None:
    before = _tunnels(proxy)
    with redirecting(PORT, PROXY, tool):
        done = curl(f"{scheme}://{STRANGER}/", address, "--cacert", str(theirs))
    assert done.stdout == WORD.decode(), done
    assert stranger.asked == [address]
    assert _tunnels(proxy) == before + 1


@BOTH
def test_what_is_private_is_not_redirected(
    tool: str, proxy: Serving, stranger: Stranger, theirs: Path
) -> None:
    before = _tunnels(proxy)
    with redirecting(PORT, PROXY, tool):
        done = curl(f"https://{STRANGER}/", PRIVATE, "--cacert", str(theirs))
    assert done.stdout == WORD.decode(), done
    assert _tunnels(proxy) == before


def test_a_name_leads_nobody_to_where_it_was_not_going(
    proxy: Serving, stranger: Stranger, theirs: Path, ours: Path, first: Provider
) -> None:
    with redirecting(PORT, PROXY, "nft"):
        nobody = curl(f"https://{STRANGER}/", NOWHERE, "--cacert", str(theirs))
        assert nobody.returncode != 0
        provider = curl(f"https://{HOST}/v1/models", PUBLIC, "--cacert", str(ours))
        assert provider.returncode == 0, provider
    assert [seen.target for seen in first.requests] == ["/v1/models"]
    assert not stranger.asked


def test_strangers_are_refused_where_the_policy_denies_them(
    providers: Providers, first: Provider, stranger: Stranger, theirs: Path, tmp_path: Path
) -> None:
    policies = policy(tmp_path, two(providers) + "passthrough: deny\n")
    other = PORT + 1
    with (
        serving(policies, "--transparent", str(other)) as denying,
        redirecting(other, PROXY, "nft"),
    ):
        assert curl(f"https://{STRANGER}/", PUBLIC, "--cacert", str(theirs)).returncode != 0
        assert not stranger.asked
        denying.log_has("passthrough_denied")
        assert chat("https", "--insecure").returncode == 0
    assert len(first.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_comes_by_itself_is_hung_up_on(proxy: Serving, host: str) -> None:
    with (
        socket.create_connection((host, PORT), timeout=5) as connection,
        suppress(ConnectionResetError),
    ):
        assert connection.recv(1) == b""
    proxy.log_has("not_redirected")


@BOTH
def test_rules_that_redirect_the_proxy_itself_are_noticed(
    tool: str, proxy: Serving, stranger: Stranger, theirs: Path
) -> None:
    somebody_else = 4321
    with redirecting(PORT, somebody_else, tool):
        done = curl(f"https://{STRANGER}/", PUBLIC, "--cacert", str(theirs))
    assert done.returncode not in (0, 28), "refused, and at once"
    assert not stranger.asked
    proxy.log_has("must leave out the user")


def _tunnels(proxy: Serving) -> int:
    """How many connections were carried unread, and have ended."""
    lines = proxy.ask("/metrics").splitlines()
    return int(
        sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith("understudy_tunnels_total")
        )
    )
