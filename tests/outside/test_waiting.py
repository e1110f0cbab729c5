"""An app that waits for a stream is kept waiting, and gets its answer or an error all the same."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import orjson
import pytest

from proxy.drill.faults.cut import Cut
from proxy.drill.faults.error_event import ErrorEvent
from proxy.drill.faults.good import GOOD, Good
from proxy.drill.faults.refused_key import RefusedKey
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from proxy.drill.server.turn import Fault
from tests.outside.policies import HOST, NEVER_OPEN, OTHER_KEY, Providers
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION, Way, app, chat
from tests.outside.wire import Response, Wire, request
from tests.provider import Provider

CHAT = "/openai/v1/chat/completions"
PATIENCE_S = 0.8
"""How long the app bears silence. It hears of us after half of it, and then twice as often."""
FIRST_BYTE_S = 2.0
POLICY = """
version: 1
defaults:
  timeout: {{first_byte: {first_byte_s}s, idle: 1s, total: 20s}}
  retry: {{attempts: 1}}
  breaker: {breaker}
  health: {{failures: 1000000}}
upstreams:
  openai: {{dialect: openai, url: {first}, hosts: {host}}}
  other: {{dialect: openai, url: "{second}/api", api_key: {key}}}
routes:
  - {{name: alone, match: {{upstream: openai, model: alone}}, targets: [openai]}}
  - name: hold
    match: {{upstream: openai, model: hold}}
    targets: [openai, other]
    mid_stream: hold
  - name: resume
    match: {{upstream: openai, model: resume}}
    targets: [openai, other]
    mid_stream: resume
  - {{name: chat, match: {{upstream: openai}}, targets: [openai, other]}}
"""


@pytest.fixture(scope="module")
def policies(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = POLICY.format(
        first=providers.first.url,
        second=providers.second.url,
        key=OTHER_KEY,
        host=HOST,
        breaker=NEVER_OPEN,
        first_byte_s=FIRST_BYTE_S,
    )
    return policy(tmp_path_factory.mktemp("waiting"), text)


@pytest.fixture(scope="module")
def proxy(policies: Path) -> Iterator[Serving]:
    with serving(policies) as running:
        yield running


def asked(
    model: str = "gpt-4o", version: str = "HTTP/1.1", patience_s: float = PATIENCE_S
) -> bytes:
    body = orjson.dumps({**QUESTION, "model": model, "stream": True})
    told = [("x-stainless-read-timeout", str(patience_s))]
    return request("POST", CHAT, told, body, version)


def ask(proxy: Serving, model: str = "gpt-4o", version: str = "HTTP/1.1") -> Response:
    with Wire(proxy.port) as wire:
        wire.send(asked(model, version))
        return wire.response("POST")


def comments(body: bytes) -> list[str]:
    lines = body.decode().split("\n")
    return [line.removeprefix(": understudy ") for line in lines if line.startswith(":")]


def text_of(body: bytes) -> str:
    events = [event for event in body.split(b"\n\n") if event.startswith(b"data: {")]
    choices = [orjson.loads(event[6:])["choices"][0] for event in events]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@contextmanager
def saying(provider: Provider, text: str) -> Iterator[None]:
    own, provider.text = provider.text, text
    try:
        yield
    finally:
        provider.text = own


@pytest.mark.parametrize("way", list(Way))
def test_the_sdk_waits_for_longer_than_it_bears_silence(
    proxy: Serving, first: Provider, way: Way
) -> None:
    first.plays(Good(think_s=1.8))
    with app(way, proxy.listen, max_retries=0) as client:
        patient = client.with_options(timeout=PATIENCE_S)
        assert chat(patient, stream=True) == first.text
    assert len(first.requests) == 1


def test_what_the_app_is_sent_meanwhile(proxy: Serving, first: Provider) -> None:
    first.plays(Good(think_s=1.8))
    with Wire(proxy.port) as wire:
        began = time.monotonic()
        wire.send(asked())
        _, status, _, fields = wire.head()
        assert 0.3 < time.monotonic() - began < 1.2, "long before there is an answer"
        names = {name.lower(): value for name, value in fields}
        assert status == 200
        assert names["content-type"].startswith("text/event-stream")
        assert names["x-understudy-request-id"].startswith("us-")
        assert names["via"] == "1.1 understudy"
        assert "x-understudy-target" not in names, "nobody knows yet"
        body, whole = wire._body("POST", status, fields)
        assert whole
        *waiting, told = comments(body)
        assert len(waiting) >= 2
        assert set(waiting) == {"is waiting"}
        assert told == "source=upstream target=openai attempts=1"
        assert text_of(body) == first.text
        assert body.endswith(b"data: [DONE]\n\n")

        first.plays(GOOD)
        wire.send(asked())
        again = wire.response("POST")
        assert again.whole, "the connection is as good as before"
        assert again.value("x-understudy-target") == "openai"
        assert comments(again.body) == []


def test_a_fallback_comes_late_and_is_marked(
    proxy: Serving, first: Provider, second: Provider
) -> None:
    first.plays(Silence())
    response = ask(proxy)
    assert response.whole
    assert text_of(response.body) == second.text
    assert comments(response.body)[-1] == "source=upstream target=other attempts=2 fallback=true"


def test_an_error_that_comes_late_is_an_event_and_no_end(proxy: Serving, first: Provider) -> None:
    first.plays(Silence())
    response = ask(proxy, "alone")
    assert (response.status, response.whole) == (200, False)
    last = response.body.removesuffix(b"\n\n").split(b"\n\n")[-1]
    error = orjson.loads(last.removeprefix(b"data: "))["error"]
    assert error["code"] == "timeout.first_byte"
    assert b"[DONE]" not in response.body
    with app(Way.BASE_URL, proxy.listen, max_retries=0) as client:
        patient = client.with_options(timeout=PATIENCE_S)
        with (
            pytest.raises(openai.APIError, match="no useful chunk"),
            patient.chat.completions.create(**{**QUESTION, "model": "alone"}, stream=True) as said,
        ):
            list(said)


def test_an_error_in_time_has_its_own_status(proxy: Serving, first: Provider) -> None:
    first.plays(RefusedKey())
    response = ask(proxy, "alone")
    assert (response.status, response.whole) == (401, True)


def test_an_app_that_knows_no_chunks_waits_in_silence(proxy: Serving, first: Provider) -> None:
    first.plays(Silence())
    response = ask(proxy, "alone", "HTTP/1.0")
    assert (response.status, response.whole) == (504, True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Cut(pieces=3), id="cut"),
        pytest.param(Stall(pieces=3), id="stall"),
        pytest.param(ErrorEvent(pieces=3), id="error event"),
    ],
)
def test_held_back_a_stream_survives_its_break(
    proxy: Serving, first: Provider, second: Provider, fault: Fault
) -> None:
    first.plays(fault)
    response = ask(proxy, "hold")
    assert response.whole
    assert text_of(response.body) == second.text
    assert len(second.requests) == 1


def test_held_back_the_app_is_kept_waiting(proxy: Serving, first: Provider) -> None:
    first.plays(Good(pause_s=0.3))
    response = ask(proxy, "hold")
    assert response.whole
    assert "is waiting" in comments(response.body)
    assert text_of(response.body) == first.text


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Cut(pieces=3), id="cut"),
        pytest.param(Cut(pieces=3, reset=True), id="reset"),
        pytest.param(ErrorEvent(pieces=3), id="error event"),
    ],
)
def test_resumed_the_sdk_reads_one_answer(
    proxy: Serving, first: Provider, second: Provider, fault: Fault
) -> None:
    first.plays(fault)
    with saying(second, first.text):
        response = ask(proxy, "resume")
    assert response.whole
    assert text_of(response.body) == first.text
    assert comments(response.body)[-1] == "resumed target=other"
    assert response.value("x-understudy-target") == "openai"


def test_an_answer_that_says_something_else_is_not_joined(
    proxy: Serving, first: Provider, second: Provider
) -> None:
    first.plays(Cut(pieces=4))
    with saying(second, "Good day to you."):
        response = ask(proxy, "resume")
    assert not response.whole
    assert len(second.requests) == 1
    assert b'"error"' in response.body.split(b"\n\n")[-2]
    assert b"Good" not in response.body


def test_stopping_while_an_app_waits_tells_it_so(
    policies: Path, first: Provider, second: Provider
) -> None:
    first.plays(Silence())
    with serving(policies, "--drain", "100ms") as running, Wire(running.port) as wire:
        wire.send(asked(patience_s=0.4))
        wire.head()
        running.signal(signal.SIGTERM)
        body, whole = wire._body("POST", 200, (("Transfer-Encoding", "chunked"),))
        assert not whole
        assert b"Understudy is stopping" in body
        running.wait()
