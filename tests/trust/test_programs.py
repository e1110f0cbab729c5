"""Programs that were told to trust the local CA as `understudy ca` says, against a real server."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from proxy.trust.authority import Authority
from proxy.trust.howto import Advice, advice
from proxy.trust.roots import write_bundle
from tests.trust.parties import opened, said, website

_URLLIB = "import urllib.request as u; print(u.urlopen('{}').read().decode())"
_REQUESTS = "import requests; print(requests.get('{}').text)"
_HTTPX = "import httpx; print(httpx.get('{}').text)"
_HTTPX2 = "import httpx2; print(httpx2.get('{}').text)"
_AIOHTTP = """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession() as session, session.get('{}') as answer:
        print(await answer.text())
asyncio.run(main())
"""
_NODE = "fetch('{}').then(a => a.text()).then(console.log, e => console.log(e.cause.code))"
_GO = """
package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
    for _, url := range os.Args[1:] {
        answer, err := http.Get(url)
        if err != nil { fmt.Println(err); return }
        text, _ := io.ReadAll(answer.Body)
        fmt.Println(string(text))
    }
}
"""
_JAVA = """
import java.net.URI;
public class Get { public static void main(String[] urls) throws Exception {
    for (var url : urls)
        try (var in = new URI(url).toURL().openStream()) { System.out.write(in.readAllBytes()); }
        catch (javax.net.ssl.SSLException e) { System.out.print(e); }
    System.out.println(); } }
"""

HOSTS = ("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return opened(tmp_path_factory.mktemp("a folder") / "ca", *HOSTS)


@pytest.fixture(scope="module")
def told(authority: Authority) -> Mapping[str, Advice]:
    bundle = write_bundle(authority.path.parent, authority, {})
    return {each.subject: each for each in advice(authority.path, bundle, authority.name)}


@pytest.fixture(scope="module")
def urls(authority: Authority) -> Iterator[tuple[str, ...]]:
    """One of a name, and one of an address."""
    with (
        website(authority.context(HOSTS[0])) as named,
        website(authority.context(HOSTS[1])) as addressed,
    ):
        yield f"https://{HOSTS[0]}:{named}/", f"https://{HOSTS[1]}:{addressed}/"


@pytest.fixture(params=[0, 1], ids=HOSTS)
def url(urls: tuple[str, ...], request: pytest.FixtureRequest) -> str:
    return urls[request.param]


def _environ(advised: Advice | None = None) -> dict[str, str]:
    """A plain one, with what is advised in it."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    if advised is not None:
        found = re.fullmatch(r"export (\w+)=(.+)", advised.trust)
        assert found
        environ[found[1]] = found[2].strip("'")
        assert advised.undo == f"unset {found[1]}"
    return environ


def _needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program} here")


@pytest.mark.parametrize(
    ("subject", "command"),
    [
        pytest.param("curl", ("curl", "-sS", "{}"), marks=_needs("curl"), id="curl"),
        pytest.param("Node", ("node", "-e", _NODE), marks=_needs("node"), id="node"),
        pytest.param("requests", (sys.executable, "-c", _REQUESTS), id="requests"),
        pytest.param("httpx", (sys.executable, "-c", _HTTPX), id="httpx"),
        pytest.param("httpx", (sys.executable, "-c", _HTTPX2), id="httpx2"),
        pytest.param("aiohttp", (sys.executable, "-c", _AIOHTTP), id="aiohttp"),
        pytest.param("aiohttp", (sys.executable, "-c", _URLLIB), id="urllib"),
    ],
)
def test_a_variable_makes_a_program_trust_us(
    told: Mapping[str, Advice], url: str, subject: str, command: tuple[str, ...]
) -> None:
    advised = next(each for name, each in told.items() if subject in name)
    command = tuple(word.replace("{}", url) for word in command)
    assert said(*command, environ=_environ(advised)) in ("ok", "ok\n")
    told_off = said(*command, environ=_environ())
    assert re.search(r"(?i)certificate|self.signed|unable_to_verify", told_off)


@_needs("curl")
def test_curl_takes_our_certificate_alone(authority: Authority, url: str) -> None:
    command = ("curl", "-sS", "--cacert", authority.path, url)
    assert said(*command, environ=_environ()) == "ok"


@_needs("git")
def test_git_takes_the_bundle(told: Mapping[str, Advice], url: str, tmp_path: Path) -> None:
    environ = _environ() | {"HOME": str(tmp_path)}
    asking = ("git", "ls-remote", url)
    assert "certificate" in said(*asking, environ=environ)
    assert said("sh", "-c", told["git"].trust, environ=environ) == ""
    assert said(*asking, environ=environ) == ""  # it came through, and there are no branches
    assert said("sh", "-c", told["git"].undo, environ=environ) == ""
    assert "certificate" in said(*asking, environ=environ)


@_needs("go")
def test_go_takes_the_bundle(
    told: Mapping[str, Advice], urls: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "get.go").write_text(_GO)
    built = {"GO111MODULE": "off", "CGO_ENABLED": "0"} | _environ()
    assert said("go", "build", "-o", tmp_path / "get", tmp_path / "get.go", environ=built) == ""
    advised = next(each for name, each in told.items() if name.startswith("Go"))
    assert said(tmp_path / "get", *urls, environ=_environ(advised)) == "ok\nok\n"
    assert "x509: certificate" in said(tmp_path / "get", *urls, environ=_environ())


@_needs("keytool")
@_needs("java")
def test_java_takes_our_certificate(
    told: Mapping[str, Advice], urls: tuple[str, ...], tmp_path: Path
) -> None:
    advised = next(each for name, each in told.items() if name.startswith("Java"))
    store = tmp_path / "store.p12"
    (tmp_path / "Get.java").write_text(_JAVA)
    here = f"-keystore {store}"  # and not the one of this machine's JDK
    kept = said("sh", "-c", advised.trust.replace("-cacerts", here), environ=_environ())
    assert "added to keystore" in kept
    trusted = (f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit")
    assert said("java", *trusted, tmp_path / "Get.java", *urls, environ=_environ()) == "okok\n"
    assert "unable to find valid" in said("java", tmp_path / "Get.java", *urls, environ=_environ())
    said("sh", "-c", advised.undo.replace("-cacerts", here), environ=_environ())
    listed = said("keytool", "-list", "-keystore", store, "-storepass", "changeit")
    assert "contains 0 entries" in listed
