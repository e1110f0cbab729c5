"""An app that hangs up: its provider is let go at once, and nothing is held against it."""

import time
from collections.abc import Iterator

import orjson
import pytest

from proxy.drill.faults.good import Good
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from proxy.drill.server.turn import Fault
from tests.outside.policies import Providers, one
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Wire, request
from tests.provider import Provider

PLAIN = orjson.dumps(QUESTION)
STREAM = orjson.dumps({**QUESTION, "stream": True})
PROMISED_S = 0.05
TRIES = 4
"""A busy machine may be late once; a proxy that does not let go is late every time."""


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = one(providers).replace("attempts: 1", "attempts: 3")
    with serving(policy(tmp_path_factory.mktemp("hang_up"), text)) as running:
        yield running


def _let_go_after_s(proxy: Serving, provider: Provider, prefix: str, body: bytes) -> float:
    """Seconds from the app's hang-up until the provider sees its own connection end."""
    provider.requests.clear()
    with Wire(proxy.port) as wire:
        wire.send(request("POST", f"{prefix}/v1/chat/completions", [], body))
        if body is STREAM and not isinstance(provider.script[0], Silence):
            wire.head()
            wire.until(b"Hello")
        else:
            provider.until(lambda seen: len(seen) == 1)
            time.sleep(0.05)
    hung_up_at = time.monotonic()
    provider.until(lambda seen: seen[0].left_at is not None)
    left_at = provider.requests[0].left_at
    assert left_at is not None
    return left_at - hung_up_at


@WAYS_IN
@pytest.mark.parametrize(
    ("fault", "body"),
    [
        pytest.param(Silence(), PLAIN, id="before the first byte"),
        pytest.param(Silence(), STREAM, id="before the first byte of a stream"),
        pytest.param(Stall(pieces=2), PLAIN, id="in a plain answer"),
        pytest.param(Stall(pieces=2), STREAM, id="in a stream that stalls"),
        pytest.param(Good(pause_s=0.02), STREAM, id="in a stream that flows"),
    ],
)
def test_the_provider_is_let_go_at_once(
    proxy: Serving, first: Provider, prefix: str, fault: Fault, body: bytes
) -> None:
    first.plays(fault)
    waits_s = [_let_go_after_s(proxy, first, prefix, body) for _ in range(TRIES)]
    assert min(waits_s) < PROMISED_S
    assert max(waits_s) < 1.0


def test_a_retry_that_nobody_waits_for_is_not_made(proxy: Serving, first: Provider) -> None:
    first.plays(RateLimit(wait="0.3"))
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/chat/completions", [], PLAIN))
        first.until(lambda seen: len(seen) == 1)
    time.sleep(0.5)
    assert len(first.requests) == 1


def test_an_upload_that_ends_halfway_is_asked_of_nobody(proxy: Serving, first: Provider) -> None:
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/files", [("Content-Length", "1000")], b"half"))
        time.sleep(0.1)
    time.sleep(0.1)
    assert not first.requests


def test_a_large_upload_that_ends_halfway_is_no_request_at_all(
    proxy: Serving, first: Provider
) -> None:
    """The provider gets the connection's end in place of the rest, so it never sees it whole."""
    with Wire(proxy.port) as wire:
        wire.send(request("POST", "/openai/v1/files", [("Transfer-Encoding", "chunked")]))
        wire.send(b"%x\r\n%b\r\n" % (12 * 2**20, b"x" * (12 * 2**20)))
        time.sleep(0.2)
    time.sleep(0.2)
    assert not first.requests


def test_hang_ups_are_nobodys_failure(proxy: Serving, first: Provider) -> None:
    told = proxy.status()
    assert told["overall"]["in_flight"] == 0
    (upstream,) = [shown for shown in told["upstreams"] if shown["name"] == "openai"]
    assert upstream["health"]["failure_count"] == 0
    assert upstream["breaker"]["state"] == "closed"
    assert "Traceback" not in proxy.log
