"""Whose key goes where: the app's to the provider that it called, and each other's nowhere."""

from collections.abc import Iterator

import orjson
import pytest

from proxy.drill.faults.refused_key import RefusedKey
from proxy.drill.faults.server_error import ServerError
from proxy.drill.server.turn import Fault
from tests.outside.policies import OTHER_KEY, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.ways import WAYS_IN
from tests.outside.wire import Response, Wire
from tests.provider import Provider

CANARY = "canary-7f3a9"
FIELDS = [
    ("Content-Type", "application/json"),
    ("Authorization", f"Bearer sk-{CANARY}-0123456789abcdef"),
    ("OpenAI-Organization", f"org-{CANARY}"),
    ("OpenAI-Project", f"proj-{CANARY}"),
    ("api-key", f"key-{CANARY}"),
    ("x-api-key", f"key-{CANARY}"),
    ("x-goog-api-key", f"key-{CANARY}"),
    ("Cookie", f"session={CANARY}"),
    ("Proxy-Authorization", f"Basic {CANARY}"),
    ("X-Whatever-Token", CANARY),
    ("x-stainless-lang", "python"),
]
BODY = orjson.dumps(QUESTION)


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = policy(tmp_path_factory.mktemp("secrets"), two(providers))
    with serving(folder, "--log-level", "debug") as running:
        yield running
        ended = running.stop()
        assert CANARY not in ended.err
        assert OTHER_KEY not in ended.err


def _chat(proxy: Serving, prefix: str, query: str = "") -> Response:
    with Wire(proxy.port) as wire:
        return wire.ask("POST", f"{prefix}/v1/chat/completions{query}", FIELDS, BODY)


@WAYS_IN
@pytest.mark.parametrize("fault", [ServerError(503), RefusedKey()], ids=["503", "401"])
def test_the_apps_credentials_never_reach_another_provider(
    proxy: Serving, first: Provider, second: Provider, prefix: str, fault: Fault
) -> None:
    first.plays(fault)
    assert _chat(proxy, prefix).status == 200
    ours = [value for _, value in first.requests[0].fields if CANARY in value]
    assert len(ours) == sum(CANARY in value for _, value in FIELDS) - 1, "less Proxy-Authorization"
    assert not any(OTHER_KEY in str(seen.fields) for seen in first.requests)
    (theirs,) = second.requests
    assert CANARY not in str(theirs.fields)
    assert theirs.values("Authorization") == [f"Bearer {OTHER_KEY}"]
    assert theirs.values("x-stainless-lang") == ["python"]


@WAYS_IN
def test_a_key_in_the_query_stays_with_its_provider(
    proxy: Serving, first: Provider, second: Provider, prefix: str
) -> None:
    first.plays(ServerError(503))
    _chat(proxy, prefix, f"?api-version=1&key={CANARY}&api_key={CANARY}")
    assert CANARY in first.requests[0].target
    assert all(CANARY not in seen.target for seen in second.requests)


@WAYS_IN
def test_the_refusal_of_anothers_key_does_not_look_like_the_apps(
    proxy: Serving, first: Provider, second: Provider, prefix: str
) -> None:
    first.plays(ServerError(503))
    second.plays(RefusedKey())
    response = _chat(proxy, prefix)
    assert response.status == 503
    assert OTHER_KEY.encode() not in response.body
    assert CANARY.encode() not in response.body


def test_no_secret_is_shown_to_operators(proxy: Serving) -> None:
    told = str(proxy.status()) + str(proxy.ask("/metrics"))
    assert CANARY not in told
    assert OTHER_KEY not in told
