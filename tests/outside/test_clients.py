"""Client programs as they are, by each way in: right answers, in pieces where they are streamed,
and another provider's where the first one fails."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.faults.server_error import ServerError
from proxy.drill.server.turn import Request
from tests.outside.clients.family import FAMILIES, Family, Pair, policy_of
from tests.outside.clients.forge import forge, repository
from tests.outside.clients.hearing import Answer, Hearing, Held
from tests.outside.clients.table import CHAT, CLIENTS, STREAM, VECTOR, Client, Door, Way, table
from tests.outside.clients.workshop import Workshop, what_lacks
from tests.outside.policies import APP_KEY, OTHER_KEY
from tests.outside.process import environment, policy, serving, understudy
from tests.outside.running import until
from tests.provider import Provider
from tests.trust.parties import opened, said

README = Path(__file__).parents[2] / "README.md"
VECTOR_SAID = "0.5 -0.5"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def _rows(clients: tuple[Client, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "client", [pytest.param(client, id=client.program) for client in clients]
    )


@pytest.fixture(scope="module")
def pairs() -> Iterator[Mapping[Family, Pair]]:
    with ExitStack() as stack:

        def provider(name: str, family: Family) -> Provider:
            return stack.enter_context(Provider(name, family.speech))

        yield {
            family: Pair(provider("first", family), provider("second", family))
            for family in FAMILIES
        }


@pytest.fixture(scope="module")
def door(pairs: Mapping[Family, Pair], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("clients")
    with serving(policy(folder, policy_of(pairs))) as running:
        ca = ("ca", "--policies", str(folder / "policies"), "--state-dir", str(running.state))
        told = understudy(*ca).out
        exports = dict(re.findall(r"export (\w+)=(\S+)", told))
        wgetrc, store = folder / "wgetrc", folder / "store.p12"
        wgetrc.write_text(f"ca_certificate = {exports['SSL_CERT_FILE']}\n")
        if not what_lacks("any.java", ""):
            [keytool] = re.findall(r"keytool -importcert .*", told)
            import_ours = keytool.replace("-cacerts", f"-keystore {store}")
            subprocess.run(["sh", "-c", import_ours], capture_output=True, timeout=60, check=True)
        yield Door(running.listen, exports, wgetrc, store)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("programs"))


def _keys_in(request: Request) -> set[str]:
    said = " ".join((request.target, *(value for _, value in request.fields)))
    return {key for key in (APP_KEY, OTHER_KEY) if key in said}


@pytest.mark.parametrize("way", list(Way), ids=[way.name.lower() for way in Way])
@_rows(CLIENTS)
def test_it_is_served(
    client: Client,
    way: Way,
    door: Door,
    pairs: Mapping[Family, Pair],
    workshop: Workshop,
    tmp_path: Path,
) -> None:
    if lacks := what_lacks(client.program, client.package):
        pytest.skip(lacks)
    family, pair = client.family, pairs[client.family]
    script = [Held() if asked is STREAM else GOOD for asked in client.asks]
    pair.first.plays(*script, ServerError(503))
    pair.other.plays(GOOD)
    hearing = Hearing([fault for fault in script if isinstance(fault, Held)])
    command = workshop.command(client.program) + client.words(way)
    done = hearing.run(command, environment(client.environ(way, door)), tmp_path)
    assert done.status == 0, (done.err, hearing.answers)
    right = {CHAT: pair.first.text, STREAM: pair.first.text, VECTOR: VECTOR_SAID}
    assert hearing.answers == [
        *(
            Answer(None if asked in client.silent else family.name, right[asked])
            for asked in client.asks
        ),
        Answer(family.other, pair.other.text),
    ]
    for asked, seen in zip((*client.asks, CHAT), pair.first.requests, strict=True):
        assert re.fullmatch(family.targets[asked], seen.target)
        assert _keys_in(seen) == {APP_KEY}
    [stood_in] = pair.other.requests
    assert re.fullmatch(family.targets[CHAT], stood_in.target)
    assert _keys_in(stood_in) == {OTHER_KEY}
    assert not pair.first.errors + pair.other.errors


@pytest.mark.parametrize("scheme", ["http", "https"])
@_rows(tuple(client for client in CLIENTS if client.needs))
def test_by_itself_it_calls_no_proxy(
    client: Client,
    scheme: str,
    pairs: Mapping[Family, Pair],
    workshop: Workshop,
    tmp_path: Path,
) -> None:
    """What the table says that it needs is needed: with proxy variables alone it goes directly to
    where it is led; by https:// nobody listens there."""
    if lacks := what_lacks(client.program, client.package):
        pytest.skip(lacks)
    family, first = client.family, pairs[client.family].first
    first.plays(GOOD)
    with socket.create_server(("127.0.0.1", 0)) as nobody, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = first.port if scheme == "http" else closed.getsockname()[1]
        environ = dict.fromkeys(PROXIES, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        environ |= {family.base_url: f"{scheme}://127.0.0.1:{port}{family.suffix}"}
        environ |= {family.key: APP_KEY}
        hearing = Hearing(Held() for _ in client.asks)
        command = workshop.command(client.program)
        done = hearing.run(command, environment(environ), tmp_path)
        nobody.setblocking(False)
        with pytest.raises(BlockingIOError):
            nobody.accept()
    assert (done.status == 0) is (scheme == "http"), done.err
    assert len(first.requests) == (len(client.asks) + 1 if scheme == "http" else 0)


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")
def test_git_reads_from_servers_that_are_no_providers(tmp_path: Path) -> None:
    """By base URL one has to be an upstream; by HTTPS_PROXY it is the server's own certificate that
    git sees."""
    files = tmp_path / "files"
    files.mkdir()
    commit = repository(files)
    authority = opened(tmp_path / "of the server", "localhost")
    with forge(files) as plain, forge(files, authority.context("localhost")) as secure:
        text = f"""
version: 1
passthrough: [localhost]
connect_ports: [{secure}]
upstreams: {{forge: {{dialect: raw, url: "http://127.0.0.1:{plain}"}}}}
"""
        with serving(policy(tmp_path, text)) as running:
            trusted = {"GIT_SSL_CAINFO": str(authority.path)}
            by_way = {
                f"{running.listen}/forge/.git": {},
                f"http://localhost:{plain}/.git": {"http_proxy": running.listen},
                f"https://localhost:{secure}/.git": {"HTTPS_PROXY": running.listen, **trusted},
            }
            for url, environ in by_way.items():
                listed = said("git", "ls-remote", url, environ=environment(environ))
                assert listed == f"{commit}\tHEAD\n{commit}\trefs/heads/main\n"
            unread = 'tunnels_total{face="https_proxy",outcome="complete"}'
            until(lambda: unread in running.ask("/metrics"))


def test_the_table_in_the_readme_is_this_one() -> None:
    shown = README.read_text().partition("<!-- clients -->\n")[2].partition("<!-- /clients -->")[0]
    assert table() in shown
