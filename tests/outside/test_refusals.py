"""Requests that are not served: each gets one answer that says why, and nothing behind it runs."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest

from tests.outside.policies import HOST, Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Response, Wire, ask, request
from tests.provider import Provider
from tests.upstream.spellings import METADATA, PRIVATE

NEXT = request("GET", "/openai/v1/next")


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("refusals"), one(providers))) as running:
        yield running


def _message(response: Response) -> str:
    said = orjson.loads(response.body)["error"]["message"]
    assert isinstance(said, str)
    return said


def test_an_unknown_upstream_is_told_the_known_ones(proxy: Serving, first: Provider) -> None:
    response = ask(proxy.port, "POST", "/opnai/v1/chat/completions", [], b"{}")
    assert response.status == 404
    assert "'opnai'" in _message(response)
    assert "openai, raw" in _message(response)
    assert not first.requests


def test_who_is_refused_hears_it_also_after_a_large_upload(proxy: Serving, first: Provider) -> None:
    response = ask(proxy.port, "POST", "/nobody/v1/files", [], b"x" * (20 * 2**20))
    assert response.status == 404


@pytest.mark.parametrize("target", ["/", "//", "/?x", "/v1/chat/completions"])
def test_a_path_without_an_upstream_is_told_too(
    proxy: Serving, first: Provider, target: str
) -> None:
    assert ask(proxy.port, "GET", target).status == 404


@WAYS_IN
def test_a_request_that_was_here_before_is_refused(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    response = ask(proxy.port, "GET", f"{prefix}/v1/models", [("Via", "1.1 a, 1.1 understudy")])
    assert response.status == 508
    assert "round" in _message(response)
    assert not first.requests


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LocalHost", "127.9.9.9", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
@pytest.mark.parametrize("port", ["listen", "admin"])
def test_nobody_is_passed_through_to_our_own_ports(
    proxy: Serving, first: Provider, host: str, port: str
) -> None:
    number = proxy.port if port == "listen" else proxy.admin_port
    response = ask(proxy.port, "GET", f"http://{host}:{number}/healthz")
    assert response.status == 508


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254:80",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_nobody_is_passed_through_to_where_clouds_keep_secrets(
    proxy: Serving, first: Provider, host: str
) -> None:
    response = ask(proxy.port, "GET", f"http://{host}/latest/meta-data/")
    assert response.status == 403
    assert "metadata" in _message(response)


@pytest.mark.parametrize("host", ["127.1", "0", "0x7f000001", "2852039166", "0251.0376.0251.0376"])
def test_an_address_in_an_odd_spelling_leads_nowhere(
    proxy: Serving, first: Provider, host: str
) -> None:
    response = ask(proxy.port, "GET", f"http://{host}:{proxy.admin_port}/healthz")
    assert response.status in (403, 502)
    assert response.body != b"ok\n"


@pytest.mark.parametrize("spelling", [one for one, _ in METADATA + PRIVATE if one.isprintable()])
def test_nobody_gets_to_a_private_address_in_any_spelling(
    proxy: Serving, first: Provider, spelling: str
) -> None:
    """By a request and by a tunnel, from outside: the provider listens on this very machine."""
    host = spelling.strip("[] ").encode()
    host = b"[" + host + b"]" if b":" in host else host
    for line in (b"GET http://%b:%d/x HTTP/1.1", b"CONNECT %b:%d HTTP/1.1"):
        for port in (443, urlsplit(first.url).port or 0):
            with Wire(proxy.port) as wire:
                wire.send(line % (host, port) + b"\r\nHost: a.example\r\n\r\n")
                response = wire.response()
                assert response.status in (400, 403), (line, spelling, response)
                assert "Traceback" not in str(response.body)
    assert not first.requests


def test_a_stranger_on_this_machine_is_passed_through_to_where_the_policy_lists_it(
    proxy: Serving,
    providers: Providers,
    second: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    response = ask(proxy.port, "GET", f"{second.url}/x")
    assert response.status == 403
    assert "private ones that the policy's passthrough lists" in _message(response)
    assert not second.requests
    text = one(providers) + "passthrough: [127.0.0.1]\n"
    with serving(policy(tmp_path_factory.mktemp("listed"), text)) as running:
        response = ask(running.port, "GET", f"{second.url}/a%20b?c", [("X-A", "1")])
        assert response.status == 200
        (seen,) = second.requests
        assert (seen.target, seen.values("X-A")) == ("/a%20b?c", ["1"])
        response = ask(running.port, "GET", "http://169.254.169.254/latest/meta-data/")
        assert response.status == 403
        response = ask(running.port, "GET", "http://elsewhere.test/")
        assert response.status == 403
        assert "passthrough is for others only: 127.0.0.1" in _message(response)


def test_passthrough_can_be_denied(
    providers: Providers, second: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = one(providers) + "passthrough: deny\n"
    with serving(policy(tmp_path_factory.mktemp("denied"), text)) as running:
        response = ask(running.port, "GET", f"{second.url}/x")
        assert response.status == 403
        assert HOST in _message(response)
        assert ask(running.port, "GET", f"http://{HOST}/x").status == 200
    assert not second.requests


@pytest.mark.parametrize("behind", [b"", NEXT, b"\x16\x03\x01\x02\x00\x01"])
@pytest.mark.parametrize(
    ("where", "told"),
    [
        (b"127.0.0.1:443", "private"),
        (b"169.254.169.254:443", "metadata"),
        (b"elsewhere.test:22", "no tunnel leads to port 22"),
        (b"provider.test:22", "no tunnel leads to port 22"),
    ],
)
def test_a_refused_connect_gets_one_answer_and_the_connection_ends(
    proxy: Serving, first: Provider, behind: bytes, where: bytes, told: str
) -> None:
    with Wire(proxy.port) as wire:
        wire.send(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (where, where) + behind)
        response = wire.response()
        assert response.status == 403
        assert told in _message(response)
        assert wire.rest() == b""
    assert not first.requests


@pytest.mark.parametrize(
    "head",
    [
        b"GET openai/v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET https://api.openai.com/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://user@api.openai.com/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://api.openai.com:99999/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http:///v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /openai/v1 HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        b"GET /openai/v1 HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"POST /openai/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /openai/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /openai/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /openai/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=lambda head: head[:44].decode("latin-1").partition("\r")[0],
)
def test_what_is_no_request_is_refused_in_a_word_and_goes_nowhere(
    proxy: Serving, first: Provider, head: bytes
) -> None:
    with Wire(proxy.port) as wire:
        wire.send(head + NEXT)
        response = wire.response()
        assert response.status == 400
        assert "aiohttp" not in str(response.fields).lower()
        assert b"Traceback" not in response.body
        assert wire.rest() == b"", "what follows on such a connection is not to be trusted"
    assert not first.requests
