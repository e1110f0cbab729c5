"""The first line of a request, and `Host`: RFC 9112 2 and 3, RFC 9110 4 and 7."""

from collections.abc import Iterator

import pytest

from proxy.drill.server.turn import Request
from tests.outside.conformance import (
    BASE_URL,
    HTTP_PROXY,
    INSIDE,
    Case,
    Face,
    Seen,
    each,
    get,
    run,
)
from tests.outside.policies import HOST, Providers, one
from tests.outside.process import Serving, policy, serving
from tests.provider import Provider

NAME = HOST.encode()
REST = b"\r\nHost: {h}\r\n\r\n"
URLS, PLAIN, SECURE = (HTTP_PROXY,), INSIDE[:1], INSIDE[1:]
ODD = "/v1/a%3Ab/%2e%2E/../%c3%a9?q=%2F&&b"


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("lines"), one(providers))) as running:
        yield running


def _asked(*targets: str) -> Seen:
    def check(requests: list[Request]) -> None:
        assert [seen.target for seen in requests][: len(targets)] == list(targets)

    return check


def _host(host: bytes, version: bytes = b"HTTP/1.1", target: bytes = b"{t}/v1/x") -> bytes:
    return b"GET %b %b\r\nHost: %b\r\n\r\n" % (target, version, host)


LINES = (
    Case("as it should be", get(), (200,), check=_asked("/v1/x")),
    Case("empty lines before it", b"\r\n\r\n" + get(), (200,)),
    Case("an empty line behind a body", get() + b"\r\n" + get(), (200, 200)),
    Case("LF for CRLF", b"GET {t}/v1/x HTTP/1.1\nHost: {h}\n\n", (400,)),
    Case("LF behind the first line", b"GET {t}/v1/x HTTP/1.1\nHost: {h}\r\n\r\n", (400,)),
    Case("CR for CRLF", b"GET {t}/v1/x HTTP/1.1\rHost: {h}\r\r", (400,)),
    Case("CR in the target", b"GET {t}/v1\r/x HTTP/1.1" + REST, (400,)),
    Case("NUL in the target", b"GET {t}/v1/\0x HTTP/1.1" + REST, (400,)),
    Case("a control character in the target", b"GET {t}/v1/\x01x HTTP/1.1" + REST, (400,)),
    Case("DEL in the target", b"GET {t}/v1/\x7fx HTTP/1.1" + REST, (400,)),
    Case("bytes above ASCII in the target", b"GET {t}/v1/\xe9 HTTP/1.1" + REST, (400,)),
    Case("a tab for a space", b"GET\t{t}/v1/x HTTP/1.1" + REST, (400,)),
    Case("a tab within the target", b"GET {t}/v1/\tx HTTP/1.1" + REST, (400,)),
    Case("a space within the target", b"GET {t}/v1/a b HTTP/1.1" + REST, (400,)),
    Case("two spaces are one", b"GET  {t}/v1/x  HTTP/1.1" + REST, (200,), check=_asked("/v1/x")),
    Case("a space before the method", b" GET {t}/v1/x HTTP/1.1" + REST, (400,)),
    Case("a space behind the version", b"GET {t}/v1/x HTTP/1.1 " + REST, (400,)),
    Case("a method in lower case", b"get {t}/v1/x HTTP/1.1" + REST, (400,)),
    Case("a method nobody knows", b"FROBNICATE {t}/v1/x HTTP/1.1" + REST, (400,)),
    Case("no method", b"{t}/v1/x HTTP/1.1" + REST, (400,)),
    Case("no target", b"GET HTTP/1.1" + REST, (400,)),
    Case("no version", b"GET {t}/v1/x\r\n\r\n", (505,)),
    Case("HTTP/0.9", b"GET {t}/v1/x HTTP/0.9" + REST, (505,)),
    Case("HTTP/1.2", b"GET {t}/v1/x HTTP/1.2" + REST, (505,)),
    Case("HTTP/2.0", b"GET {t}/v1/x HTTP/2.0" + REST, (505,)),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)),
    Case("HTTP/11.1", b"GET {t}/v1/x HTTP/11.1" + REST, (400,)),
    Case("HTTP/1.10", b"GET {t}/v1/x HTTP/1.10" + REST, (400,)),
    Case("http/1.1", b"GET {t}/v1/x http/1.1" + REST, (400,)),
    Case("another protocol's name", b"GET {t}/v1/x ICE/1.0" + REST, (400,)),
    Case("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00", (400,), faces=(BASE_URL,)),
    Case("a target of 65,000 bytes", get(target=b"{t}/v1/" + b"a" * 65_000), (200,)),
    Case("a target of 66,000 bytes", get(target=b"{t}/v1/" + b"a" * 66_000), (414,)),
    Case("a target of 600,000 bytes", get(target=b"{t}/v1/" + b"a" * 600_000), (414,)),
    Case("a fragment", get(target=b"{t}/v1/x#y"), (400,)),
    Case("a relative target", get(target=b"v1/x"), (400,)),
    Case("an asterisk for GET", get(target=b"*"), (400,)),
    Case("another scheme", get(target=b"ftp://{h}/v1/x"), (400,), faces=URLS),
    Case("no host in a URL", get(target=b"http:///v1/x"), (400,), faces=URLS),
    Case("a user in a URL", get(target=b"http://me@{h}/v1/x"), (400,), faces=URLS),
    Case("a port too high", get(target=b"http://{h}:65536/v1/x"), (400,), faces=URLS),
    Case("port 0", get(target=b"http://{h}:0/v1/x"), (400,), faces=URLS),
    Case("a port that is no number", get(target=b"http://{h}:8o/"), (400,), faces=URLS),
    Case("an empty port", get(target=b"http://{h}:/v1/x"), (200,), faces=URLS),
    Case("a percent-encoded host", get(target=b"http://%70rovider.test/"), (400,), faces=URLS),
    Case("a WebSocket's URL", get(target=b"ws://{h}/v1/x"), (200,), faces=(HTTP_PROXY,)),
    Case("a URL in capitals", get(target=b"HTTP://PROVIDER.TEST/v1/x"), (200,), faces=URLS),
    Case("https to a proxy", get(target=b"https://{h}/v1/x"), (200,), faces=URLS),
    Case("https to a stranger", get(target=b"https://elsewhere.test/"), (400,), faces=URLS),
    Case("a path as it is spelled", get(target=b"{t}" + ODD.encode()), (200,), check=_asked(ODD)),
    Case("double slashes", get(target=b"{t}//v1//x/"), (200,), check=_asked("//v1//x/")),
    Case("an empty query", get(target=b"{t}/v1/x?"), (200,), check=_asked("/v1/x?")),
)  # fmt: skip

HOSTS = (
    Case("no Host", b"GET {t}/v1/x HTTP/1.1\r\n\r\n", (400,)),
    Case("no Host in HTTP/1.0", b"GET {t}/v1/x HTTP/1.0\r\n\r\n", (200,), open=False),
    Case("two Hosts", get(b"Host: {h}"), (400,)),
    Case("two Hosts in HTTP/1.0", get(b"Host: {h}", version=b"HTTP/1.0"), (400,)),
    Case("an empty Host", _host(b""), (400,)),
    Case("a Host of blanks", _host(b"  "), (400,)),
    Case("a Host with a user", _host(b"me@{h}"), (400,)),
    Case("a Host with a path", _host(b"{h}/v1"), (400,)),
    Case("a Host with a scheme", _host(b"http://{h}"), (400,)),
    Case("a list of Hosts", _host(b"{h}, {h}"), (400,)),
    Case("a Host with a blank in it", _host(b"provider .test"), (400,)),
    Case("a Host with a port that is none", _host(b"{h}:x"), (400,)),
    Case("a Host with a percent", _host(b"%70rovider.test"), (400,)),
    Case("a Host with bytes above ASCII", _host(b"provid\xe9r.test"), (400,)),
    Case("a Host with a query", _host(b"{h}?x"), (400,)),
    Case("a bad Host in HTTP/1.0", _host(b"a/b", b"HTTP/1.0"), (400,)),
    Case("a Host in capitals", _host(b"PROVIDER.TEST"), (200,)),
    Case("a Host with the full name's dot", _host(b"provider.test."), (200,)),
    Case("blanks around Host", _host(b" \t{h}\t "), (200,)),
    Case("another Host beside a URL is passed over", _host(b"raw.test"), (200,), faces=URLS),
    Case("any Host beside a base URL", _host(b"proxy.internal:8900"), (200,), faces=(BASE_URL,)),
    Case("IPv6 as Host", _host(b"[::1]:8900"), (200,), faces=(BASE_URL,)),
    Case("IPv6 as Host without brackets", _host(b"::1"), (400,), faces=(BASE_URL,)),
    Case("another Host within a tunnel", _host(b"raw.test"), (421,), faces=INSIDE),
    Case("another port within a tunnel", _host(NAME + b":8080"), (421,), faces=INSIDE),
    Case("the port of http within http", _host(NAME + b":80"), (200,), faces=PLAIN),
    Case("the port of https within http", _host(NAME + b":443"), (421,), faces=PLAIN),
    Case("the port of https within https", _host(NAME + b":443"), (200,), faces=SECURE),
    Case("the port of http within https", _host(NAME + b":80"), (421,), faces=SECURE),
    Case("a URL within its tunnel", _host(NAME, target=b"http://{h}/"), (200,), faces=PLAIN),
    Case("a URL within its TLS", _host(NAME, target=b"https://{h}/"), (200,), faces=SECURE),
    Case("a URL of another scheme within TLS", _host(NAME, target=b"http://{h}/"), (421,), faces=SECURE),
    Case("another URL within a tunnel", _host(NAME, target=b"http://raw.test/"), (421,), faces=INSIDE),
    Case("a base URL's path within a tunnel", _host(NAME, target=b"/openai/x"), (200,),
         check=_asked("/openai/x"), faces=INSIDE),
    Case("CONNECT within a tunnel", b"CONNECT {h}:443 HTTP/1.1" + REST, (400,), faces=INSIDE),
)  # fmt: skip


@each(LINES)
def test_the_first_line(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)


@each(HOSTS)
def test_the_host(proxy: Serving, first: Provider, case: Case, face: Face) -> None:
    run(case, face, proxy, first)
