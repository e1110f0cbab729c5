"""SIGTERM: running answers end by themselves while they may, and never look whole after that."""

import signal
import time
from pathlib import Path

import orjson
import pytest

from proxy.drill.faults.good import Good
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from tests.outside.policies import Providers, one
from tests.outside.process import policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.wire import Wire, request
from tests.provider import Provider

STREAM = request(
    "POST", "/openai/v1/chat/completions", [], orjson.dumps({**QUESTION, "stream": True})
)


def test_a_running_stream_ends_whole_and_nobody_new_is_let_in(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    first.plays(Good(pause_s=0.12))
    with (
        serving(policy(tmp_path, one(providers)), "--drain", "5s") as proxy,
        Wire(proxy.port) as idle,
        Wire(proxy.port) as wire,
    ):
        wire.send(STREAM)
        wire.head()
        wire.until(b"Hello")
        proxy.signal()
        time.sleep(0.15)
        with pytest.raises(ConnectionRefusedError):
            Wire(proxy.port)
        assert wire.rest().endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert idle.closed_within(2.0)
        started = time.monotonic()
        assert proxy.stop().status == 0
        assert time.monotonic() - started < 2.5, "it does not wait for the rest of --drain"


def test_after_the_drain_a_stream_ends_with_an_error_in_it(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    first.plays(Stall(pieces=2))
    with (
        serving(policy(tmp_path, one(providers)), "--drain", "200ms") as proxy,
        Wire(proxy.port) as wire,
    ):
        wire.send(STREAM)
        wire.head()
        wire.until(b"Hello")
        proxy.signal()
        rest = wire.rest()
        assert b'data: {"error":' in rest
        assert b"stopping" in rest
        assert b"[DONE]" not in rest
        assert not rest.endswith(b"0\r\n\r\n")
        assert proxy.stop().status == 0
    assert first.requests[0].left_at is not None


def test_after_the_drain_who_still_waits_is_not_left_waiting(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    first.plays(Silence())
    with (
        serving(policy(tmp_path, one(providers)), "--drain", "200ms") as proxy,
        Wire(proxy.port) as wire,
    ):
        wire.send(STREAM)
        first.until(lambda seen: len(seen) == 1)
        proxy.signal()
        answer = wire.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"stopping" in answer
        assert proxy.stop().status == 0


def test_a_proxy_with_nothing_to_do_stops_at_once(providers: Providers, tmp_path: Path) -> None:
    with serving(policy(tmp_path, one(providers))) as proxy:
        assert proxy.ask("/readyz") == "ready\n"
        started = time.monotonic()
        proxy.stop()
        assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_asks_twice_does_not_wait_for_the_drain(
    providers: Providers, first: Provider, tmp_path: Path, number: signal.Signals
) -> None:
    first.plays(Stall(pieces=2))
    with (
        serving(policy(tmp_path, one(providers)), "--drain", "9s") as proxy,
        Wire(proxy.port) as wire,
    ):
        wire.send(STREAM)
        wire.head()
        wire.until(b"Hello")
        started = time.monotonic()
        proxy.signal()
        time.sleep(0.2)
        proxy.signal(number)
        assert b"stopping" in wire.rest()
        assert proxy.stop().status == 0
        assert time.monotonic() - started < 4.0
