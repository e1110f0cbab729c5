"""What goes in comes out: paths, headers and bodies, byte for byte, in both ways in."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.canned import Canned
from tests.faults.good import GOOD
from tests.faults.provider import Provider
from tests.faults.too_large import TooLarge
from tests.faults.turn import Turn
from tests.outside.policies import APP_KEY, HOST, Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.wire import Response, Wire, ask, chunked, request

WAYS = pytest.mark.parametrize("prefix", ["/openai", f"http://{HOST}"], ids=["base_url", "proxy"])
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
    with serving(policy(tmp_path_factory.mktemp("bytes"), one(providers))) as running:
        yield running


def _theirs(response: Response) -> list[tuple[str, str]]:
    """The fields that the provider sent, less those that are between neighbours and ours."""
    ours = ("via", "transfer-encoding")
    return [
        (name, value)
        for name, value in response.fields
        if not name.lower().startswith("x-understudy-") and name.lower() not in ours
    ]


@WAYS
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


@WAYS
def test_a_proxied_host_without_a_path_is_asked_for_its_root(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    ask(proxy.port, "GET", f"{prefix}?q=1")
    assert first.requests[0].target == "/?q=1"


@WAYS
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
    assert first.requests[0].values("Via") == ["1.1 understudy"]


def test_an_earlier_via_is_kept_before_ours(proxy: Serving, first: Provider) -> None:
    ask(proxy.port, "GET", "/openai/v1/x", [("Via", "1.0 gate"), ("Via", "1.1 wall")])
    assert first.requests[0].values("Via") == ["1.0 gate", "1.1 wall", "1.1 understudy"]


@WAYS
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


@WAYS
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


@WAYS
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


@WAYS
@pytest.mark.parametrize("path", ["/v1/files", "/v1/chat/completions"])
def test_a_large_upload_arrives_whole(
    proxy: Serving, first: Provider, prefix: str, path: str
) -> None:
    body = Random(1).randbytes(20 * 2**20 + 17)
    assert ask(proxy.port, "POST", prefix + path, [], body).status == 200
    assert _same(first.requests[0].body, body)
    assert first.requests[0].values("Content-Length") == [str(len(body))]


@WAYS
@pytest.mark.parametrize("size", [0, 1, 70_000, 9 * 2**20])
def test_a_chunked_upload_arrives_whole(
    proxy: Serving, first: Provider, prefix: str, size: int
) -> None:
    body = Random(2).randbytes(size)
    pieces = [body[at : at + 40_000] for at in range(0, size, 40_000)]
    with Wire(proxy.port) as wire:
        wire.send(request("POST", f"{prefix}/v1/x", [("Transfer-Encoding", "chunked")]))
        wire.send(chunked(*pieces))
        assert wire.response("POST").status == 200
    assert _same(first.requests[0].body, body)


def test_an_answer_that_comes_before_the_upload_ends_is_the_answer(
    proxy: Serving, first: Provider
) -> None:
    first.plays(TooLarge())
    with Wire(proxy.port) as wire, contextlib.suppress(ConnectionError):
        wire.send(request("POST", "/openai/v1/files", [("Content-Length", str(64 * 2**20))]))
        wire.send(b"x" * (64 * 2**20))
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/files", [("Content-Length", str(12 * 2**20))]))
        wire.send(b"x" * (9 * 2**20))
        response = wire.response("POST")
    assert response.status == 413
    assert b"Maximum content size" in response.body


@pytest.mark.parametrize("size", [0, 12 * 2**20], ids=["at once", "late"])
def test_an_upload_that_turns_to_garbage_is_the_apps_own_mistake(
    proxy: Serving, first: Provider, size: int
) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/files", [("Transfer-Encoding", "chunked")]))
        wire.send(chunked(b"x" * size).removesuffix(b"0\r\n\r\n"))
        time.sleep(0.1)
        wire.send(b"zz\r\n")
        assert wire.response("POST").status == 400
        assert wire.rest() == b""
    assert not first.requests


@WAYS
def test_a_large_download_arrives_whole(proxy: Serving, first: Provider, prefix: str) -> None:
    body = Random(3).randbytes(32 * 2**20 + 5)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    first.plays(Canned((head, body)))
    response = ask(proxy.port, "GET", f"{prefix}/v1/files/x/content")
    assert response.whole
    assert _same(response.body, body)


def test_a_slow_reader_holds_the_provider_back(proxy: Serving, first: Provider) -> None:
    first.plays(Endless())
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/endless"))
        wire.head()
        first.until(lambda seen: bool(seen) and seen[0].sent_bytes > 0)
        sent = _settled(first)
    assert sent < 16 * 2**20, "buffers of two sockets and of the proxy, not all there is"


@WAYS
@pytest.mark.parametrize("chunk", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_head_has_the_fields_and_no_body(
    proxy: Serving, first: Provider, prefix: str, chunk: bytes
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nX-A: 1\r\n" + chunk + b"\r\n",)), GOOD)
    with Wire(proxy.port) as wire:
        response = wire.ask("HEAD", f"{prefix}/v1/x")
        assert (response.status, response.values("X-A"), response.body) == (200, ["1"], b"")
        if chunk.startswith(b"Content-Length"):
            assert response.value("Content-Length") == "5"
        assert wire.ask("GET", f"{prefix}/v1/x").status == 200, "the connection goes on"


@WAYS
@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body(
    proxy: Serving, first: Provider, prefix: str, status: int
) -> None:
    first.plays(Canned((f'HTTP/1.1 {status} X\r\nETag: "1"\r\n\r\n'.encode(),)), GOOD)
    with Wire(proxy.port) as wire:
        response = wire.ask("GET", f"{prefix}/v1/x")
        assert (response.status, response.values("ETag")) == (status, ['"1"'])
        assert not response.values("Content-Length")
        assert not response.values("Transfer-Encoding")
        assert wire.ask("GET", f"{prefix}/v1/x").status == 200


def test_a_body_that_ends_with_the_connection_arrives_whole(
    proxy: Serving, first: Provider
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall ", b"of it"), closes=True))
    response = ask(proxy.port, "GET", "/openai/v1/x")
    assert (response.body, response.whole) == (b"all of it", True)


def test_an_interim_answer_is_passed_over(proxy: Serving, first: Provider) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    first.plays(Canned((early, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")))
    assert ask(proxy.port, "GET", "/openai/v1/x").body == b"hi"


def test_a_connection_serves_many_requests_and_so_does_the_providers(
    proxy: Serving, first: Provider
) -> None:
    with Wire(proxy.port) as wire:
        for _ in range(5):
            assert wire.ask("GET", "/openai/v1/x").status == 200
    assert len({seen.connection for seen in first.requests}) == 1


def test_pipelined_requests_are_answered_in_order(proxy: Serving, first: Provider) -> None:
    with Wire(proxy.port) as wire:
        wire.send(b"".join(request("GET", f"/openai/v1/{at}") for at in range(4)))
        assert [wire.response().status for _ in range(4)] == [200] * 4
    assert [seen.target for seen in first.requests] == [f"/v1/{at}" for at in range(4)]


def test_an_http_1_0_app_gets_its_end_by_the_connections_end(
    proxy: Serving, first: Provider
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunked(b"hi"))))
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/x", version="HTTP/1.0"))
        response = wire.response()
        assert (response.body, response.whole) == (b"hi", True)
        assert not response.values("Transfer-Encoding")
        assert response.value("Connection") == "close"


def test_an_http_1_0_app_may_keep_its_connection(proxy: Serving, first: Provider) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",)))
    with Wire(proxy.port) as wire:
        for _ in range(2):
            wire.send(
                request("GET", "/openai/v1/x", [("Connection", "keep-alive")], version="HTTP/1.0")
            )
            response = wire.response()
            assert (response.body, response.value("Connection")) == (b"hi", "keep-alive")


def test_an_app_that_wants_to_close_is_told_so(proxy: Serving, first: Provider) -> None:
    with Wire(proxy.port) as wire:
        response = wire.ask("GET", "/openai/v1/x", [("Connection", "close")])
        assert response.value("Connection") == "close"
        assert wire.closed_within(2.0)


@WAYS
def test_curl_waits_for_100_continue_and_gets_it(
    proxy: Serving, first: Provider, prefix: str
) -> None:
    body = b"x" * 2_000_000
    done = subprocess.run(
        ["curl", "-sS", "-m", "10", "-i", "--request-target", f"{prefix}/v1/x", "-H",
         "Expect: 100-continue", "--expect100-timeout", "9", "--data-binary", "@-",
         f"{proxy.listen}/"],
        input=body, capture_output=True, check=True, timeout=15,
    )  # fmt: skip
    assert done.stdout.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert _same(first.requests[0].body, body)
    assert not first.requests[0].values("Expect")


class Endless:
    """More than anyone wants, as fast as it is taken."""

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good, chunked=True)
        while True:
            await turn.send(b"x" * 2**16)


def _same(seen: bytes, sent: bytes) -> bool:
    """Asked here, because pytest would print the difference of megabytes."""
    return seen == sent


def _settled(provider: Provider) -> int:
    """How much was sent when no more goes out for a while."""
    before = -1
    while before != (now := provider.requests[0].sent_bytes):
        before = now
        time.sleep(0.2)
    return now
