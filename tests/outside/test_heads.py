"""Paths, queries and header fields come out as they went in, both ways."""

import re
from collections.abc import Iterator

import pytest

from proxy.drill.faults.canned import Canned
from tests.outside.policies import APP_KEY, HOST, Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Response, ask
from tests.provider import Provider

SIGNED = re.compile(r"1\.1 understudy \([0-9a-f]{8}\)")
ODD_PATHS = [
    "/v1/a%3Ab/c%20d?x=%2F&y=a+b",
    "/v1/%E2%82%AC/%2e%2e/%2F/~user;v=1,2",
    "/v1//double//slashes/?",
    "/v1/x?a=1&a=2&&b&=c&d=%",
    "/v1/'()*!$@:[]|^`{}",
    "/v1/x?q=http://other.test/y?z",
    "/v1/./../x",
]


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("heads"), one(providers))) as running:
        yield running


def _theirs(response: Response) -> list[tuple[str, str]]:
    """The fields that the provider sent, less those that are between neighbours and ours."""
    ours = ("via", "transfer-encoding")
    return [
        (name, value)
        for name, value in response.fields
        if not name.lower().startswith("x-understudy-") and name.lower() not in ours
    ]


@WAYS_IN
@pytest.mark.parametrize("path", ODD_PATHS)
def test_paths_and_queries_arrive_as_they_were_spelled(
    proxy: Serving, first: Provider, prefix: str, path: str
) -> None:
    assert ask(proxy.port, "GET", prefix + path).status == 200
    assert [seen.target for seen in first.requests] == [path]


@pytest.mark.parametrize("prefix", ["/raw", "http://raw.test/base"])
def test_the_path_of_an_upstreams_url_comes_first(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    ask(proxy.port, "GET", f"{prefix}/v1/%20")
    assert first.requests[0].target == "/base/v1/%20"


@WAYS_IN
def test_a_proxied_host_without_a_path_is_asked_for_its_root(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    ask(proxy.port, "GET", f"{prefix}?q=1")
    assert first.requests[0].target == "/?q=1"


@pytest.mark.parametrize("url", [f"HTTP://{HOST.upper()}/v1/x", f"http://{HOST}:80/v1/x"])
def test_a_host_is_known_however_it_is_written(proxy: Serving, first: Provider, url: str) -> None:
    assert ask(proxy.port, "GET", url).status == 200
    assert first.requests[0].target == "/v1/x"


@WAYS_IN
def test_request_fields_keep_order_number_and_spelling(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    fields = [
        ("X-Twice", "one"),
        ("Accept", "*/*"),
        ("X-Twice", "two, three"),
        ("Authorization", f"Bearer {APP_KEY}"),
        ("x-empty", ""),
        ("Cookie", "a=b; c=d"),
        ("X-Latin", "caf\xe9"),
        ("X-UTF-8", "caf\xc3\xa9"),
        ("X-Twice", "one"),
    ]
    ask(proxy.port, "GET", f"{prefix}/v1/x", fields)
    seen = [field for field in first.requests[0].fields if field[0] not in ("Host", "Via")]
    assert seen == fields
    assert first.requests[0].values("Host") == [first.url.removeprefix("http://")]
    (via,) = first.requests[0].values("Via")
    assert SIGNED.fullmatch(via)


def test_an_earlier_via_is_kept_before_ours(proxy: Serving, first: Provider) -> None:
    ask(proxy.port, "GET", "/openai/v1/x", [("Via", "1.0 gate"), ("Via", "1.1 wall")])
    *earlier, ours = first.requests[0].values("Via")
    assert earlier == ["1.0 gate", "1.1 wall"]
    assert SIGNED.fullmatch(ours)


@WAYS_IN
def test_request_fields_between_neighbours_are_dropped(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    fields = [
        ("Connection", "keep-alive, X-Secret-Hop"),
        ("X-Secret-Hop", "1"),
        ("x-secret-hop", "2"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic dTpw"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("X-Kept", "yes"),
    ]
    assert ask(proxy.port, "GET", f"{prefix}/v1/x", fields).status == 200
    assert [name for name, _ in first.requests[0].fields] == ["Host", "X-Kept", "Via"]


@WAYS_IN
def test_response_fields_keep_order_number_and_spelling(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    head = (
        b"HTTP/1.1 200 Fine By Me\r\nX-B: 1\r\nSet-Cookie: a=b; Path=/\r\nDate: yesterday\r\n"
        b"x-a: \xe9 \xc3\xa9\r\nSet-Cookie: c=d\r\nServer: theirs\r\nContent-Type: text/plain\r\n"
        b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-B: 2\r\n"
        b"Content-Length: 2\r\n\r\nhi"
    )
    first.plays(Canned((head,)))
    response = ask(proxy.port, "GET", f"{prefix}/v1/x")
    assert (response.status, response.reason, response.body) == (200, "Fine By Me", b"hi")
    assert _theirs(response) == [
        ("X-B", "1"),
        ("Set-Cookie", "a=b; Path=/"),
        ("Date", "yesterday"),
        ("x-a", "\xe9 \xc3\xa9"),
        ("Set-Cookie", "c=d"),
        ("Server", "theirs"),
        ("Content-Type", "text/plain"),
        ("X-B", "2"),
        ("Content-Length", "2"),
    ]
    assert response.values("Via") == ["1.1 understudy"]


@WAYS_IN
def test_nothing_is_added_but_our_marks_and_a_date(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",)))
    response = ask(proxy.port, "GET", f"{prefix}/v1/x")
    names = {name.lower() for name, _ in response.fields}
    ours = {name for name in names if name.startswith("x-understudy-")}
    assert names - ours == {"content-length", "via", "date"}
    assert ours == {
        f"x-understudy-{mark}" for mark in ("request-id", "source", "target", "attempts")
    }


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "PUT", "PROPFIND"])
def test_any_method_goes_through(proxy: Serving, first: Provider, method: str) -> None:
    assert ask(proxy.port, method, "/openai/v1/x", [], b"body").status == 200
    (seen,) = first.requests
    assert (seen.method, seen.body) == (method, b"body")
