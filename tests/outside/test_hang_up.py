"""An app that hangs up: its providers are let go at once, and nothing is held against them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import pytest

from proxy.drill.faults.cut import Cut
from proxy.drill.faults.good import Good
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from proxy.drill.server.turn import Fault, Turn
from tests.outside.policies import NEVER_OPEN, NO_MEMORY, OTHER_KEY, Providers, one
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


EVERY_WAY = """
version: 1
defaults:
  retry: {{attempts: 1}}
  breaker: {breaker}{no_memory}
upstreams:
  openai: {{dialect: openai, url: {first}}}
  other: {{dialect: openai, url: "{second}/api", api_key: {key}}}
  busy: {{dialect: openai, url: "{first}/busy", limit: {{concurrency: 1, wait: 9s}}}}
routes:
  - name: race
    match: {{upstream: openai, model: race}}
    targets: [openai, other]
    strategy: fastest
    hedge_after: 50ms
  - name: hold
    match: {{upstream: openai, model: hold}}
    targets: [openai, other]
    mid_stream: hold
  - name: resume
    match: {{upstream: openai, model: resume}}
    targets: [openai, other]
    mid_stream: resume
"""


@pytest.fixture(scope="module")
def every_way(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = EVERY_WAY.format(
        first=providers.first.url,
        second=providers.second.url,
        key=OTHER_KEY,
        breaker=NEVER_OPEN,
        no_memory=NO_MEMORY,
    )
    with serving(policy(tmp_path_factory.mktemp("every_way"), text)) as running:
        yield running


class Phase(NamedTuple):
    """Where a call of the route `model` is when both providers have done their part: `both` still
    answer it, or only the second; the app has read all up to `sees`."""

    model: str
    first: Fault
    second: Fault
    both: bool = False
    sees: bytes = b""


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(Phase("race", Silence(), Silence(), both=True), id="beside a hedge"),
        pytest.param(Phase("race", Silence(), Stall(2), both=True, sees=b"Hello"), id="hedge won"),
        pytest.param(Phase("hold", Cut(2), Stall(2)), id="held"),
        pytest.param(Phase("hold", Cut(2), Stall(2), sees=b"is waiting"), id="kept waiting"),
        pytest.param(Phase("resume", Cut(2), Silence(), sees=b"Hello"), id="asks for the rest"),
        pytest.param(Phase("resume", Cut(3), Stall(2), sees=b"Hello"), id="compares the rest"),
        pytest.param(Phase("resume", Cut(2), Stall(3), sees=b"resumed"), id="in the rest"),
    ],
)
def test_whoever_answers_is_let_go_within_a_second(
    every_way: Serving,
    first: Provider,
    second: Provider,
    phase: Phase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second, "text", first.text)
    first.plays(phase.first)
    second.plays(phase.second)
    body = orjson.dumps({**QUESTION, "model": phase.model, "stream": True})
    patience = [("x-stainless-read-timeout", "0.4" if phase.sees == b"is waiting" else "60")]
    with Wire(every_way.port) as wire:
        wire.send(request("POST", "/openai/v1/chat/completions", patience, body))
        if phase.sees:
            wire.head()
            wire.until(phase.sees)
        second.until(lambda seen: len(seen) == 1)
        time.sleep(0.1)
    hung_up_at = time.monotonic()
    for provider in (first, second) if phase.both else (second,):
        provider.until(lambda seen: seen[0].left_at is not None)
        assert (provider.requests[0].left_at or 0.0) < hung_up_at + 1.0
    _is_at_rest(every_way)


def test_who_hangs_up_while_it_waits_for_a_place_leaves_the_queue(
    every_way: Serving, first: Provider
) -> None:
    first.plays(Silence())
    with Wire(every_way.port) as wire, Wire(every_way.port) as waiting:
        wire.send(request("POST", "/busy/v1/chat/completions", [], STREAM))
        first.until(lambda seen: len(seen) == 1)
        waiting.send(request("POST", "/busy/v1/chat/completions", [], STREAM))
        _until(every_way, "busy", in_use=1, waiting=1)
        waiting.close()
        _until(every_way, "busy", in_use=1, waiting=0)
    _is_at_rest(every_way)
    assert len(first.requests) == 1


def _until(proxy: Serving, upstream: str, **places: int) -> None:
    """Wait until so many places are taken, for a second at most."""
    ends_at = time.monotonic() + 1.0
    while not places.items() <= _told(proxy, upstream)["limit"].items():
        assert time.monotonic() < ends_at, _told(proxy, upstream)
        time.sleep(0.01)


def _told(proxy: Serving, upstream: str) -> dict[str, Any]:
    (shown,) = [shown for shown in proxy.status()["upstreams"] if shown["name"] == upstream]
    return dict(shown)


def _is_at_rest(proxy: Serving) -> None:
    """Within a second nothing is in flight and no place is taken."""
    for name in ("openai", "other", "busy"):
        _until(proxy, name, in_use=0, waiting=0)
    ends_at = time.monotonic() + 1.0
    while proxy.status()["overall"]["in_flight"]:
        assert time.monotonic() < ends_at
        time.sleep(0.01)
    assert "Traceback" not in proxy.log


@dataclass(frozen=True, slots=True)
class LateEnd:
    """All of a stream, its own end too; the message ends `wait_s` later."""

    wait_s: float = 0.5

    async def play(self, turn: Turn) -> None:
        await turn.begin(turn.good)
        for piece in turn.good.pieces:
            await turn.send(piece)
        await turn.clock.sleep(self.wait_s)
        await turn.end()


@pytest.mark.parametrize("model", ["plain", "resume", "rest"])
def test_who_leaves_at_the_streams_own_end_has_all_of_it(
    every_way: Serving,
    first: Provider,
    second: Provider,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the official SDKs do at [DONE]: providers would never be seen to succeed."""
    monkeypatch.setattr(second, "text", first.text)
    first.plays(Cut(3) if model == "rest" else LateEnd())
    second.plays(LateEnd())
    answers = "other" if model == "rest" else "openai"
    well = _told(every_way, answers)["health"]["success_count"]
    hung_up = every_way.log.count("hung up")
    asked = "resume" if model == "rest" else model
    body = orjson.dumps({**QUESTION, "model": asked, "stream": True})
    with Wire(every_way.port) as wire:
        wire.send(request("POST", "/openai/v1/chat/completions", [], body))
        wire.head()
        wire.until(b"[DONE]")
        time.sleep(0.1)
    _is_at_rest(every_way)
    assert _told(every_way, answers)["health"]["success_count"] == well + 1
    assert every_way.log.count("hung up") == hung_up
