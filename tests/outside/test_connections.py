"""Connections: kept, shared, ended, and spoken to in other versions of HTTP."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from proxy.drill.faults.canned import Canned
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Wire, ask, chunked, request
from tests.provider import Provider


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("connections"), one(providers))) as running:
        yield running


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


def test_a_declined_upgrade_is_answered_and_ends_the_connection(
    proxy: Serving, first: Provider
) -> None:
    """What came behind it may be the other protocol's already: it is read as no request."""
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/realtime", fields) + request("GET", "/openai/v1/x"))
        response = wire.response()
        assert (response.status, response.value("Connection")) == (200, "close")
        assert wire.rest() == b""
    assert [seen.target for seen in first.requests] == ["/v1/realtime"]


def test_an_upgrade_has_no_length(proxy: Serving, first: Provider) -> None:
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
    head = b"\r\n".join(f"{name}: {value}".encode() for name, value in fields[:2])
    switch = b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n" + head + b"\r\n\r\n"
    first.plays(Canned((switch, b"hello")))
    with Wire(proxy.port) as wire:
        wire.send(request("GET", "/openai/v1/realtime", fields))
        _, status, _, told = wire.head()
        assert status == 101
        assert "content-length" not in {name.lower() for name, _ in told}
        assert wire.until(b"hello")


def test_a_body_that_ends_with_the_connection_arrives_whole(
    proxy: Serving, first: Provider
) -> None:
    first.plays(Canned((b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall ", b"of it"), closes=True))
    response = ask(proxy.port, "GET", "/openai/v1/x")
    assert (response.body, response.whole) == (b"all of it", True)


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


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@WAYS_IN
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
    assert len(first.requests[0].body) == len(body)
    assert not first.requests[0].values("Expect")
