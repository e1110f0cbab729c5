"""A key in every place that a key can be in, calls that go well and wrong in every way, and then a
look at every byte that left the proxy: each key is where it belongs, and nowhere else."""

import asyncio
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.outside.canaries import Canary, KeyCanary, found
from tests.outside.canary_calls import (
    ADMIN_TOKEN,
    ALL,
    COLLECTOR_KEY,
    FIRST_COOKIE,
    FIRST_HEADER,
    FIRST_KEY,
    OTHER_HEADER,
    OTHER_KEY,
    PROXY_TOKEN,
    TO_FIRST,
    TO_OTHER,
    TO_STRANGER,
    Bytes,
    Talk,
)
from tests.outside.policies import HOST, NEVER_OPEN, NO_MEMORY, PATIENCE_S
from tests.outside.process import Serving, policy, serving, understudy
from tests.outside.wire import ask
from tests.provider import Provider
from tests.telemetry.collector import collecting

BELONGS = {
    "openai": {canary.place for canary in (*TO_FIRST.canaries, FIRST_KEY, FIRST_HEADER)},
    "other": {canary.place for canary in (*TO_OTHER.canaries, OTHER_KEY, OTHER_HEADER)},
    "a stranger": {canary.place for canary in TO_STRANGER.canaries},
    "the app": {FIRST_COOKIE.place},
    "the collector's headers": {COLLECTOR_KEY.place},
}
"""Who gets which keys, all of them; whoever is not named gets none."""


def policies(first: Provider, other: Provider) -> str:
    return f"""
version: 1
passthrough: [127.0.0.1]
defaults:
  timeout: {{connect: 2s, first_byte: {PATIENCE_S}s, idle: {PATIENCE_S}s, total: {PATIENCE_S}s}}
  retry: {{attempts: 2, retry_after_max: 2s, backoff: {{initial: 1ms, max: 2ms}}}}
  breaker: {NEVER_OPEN}{NO_MEMORY}
upstreams:
  openai:
    dialect: openai
    url: {first.url}
    hosts: {HOST}
    api_key: ${{FIRST_KEY}}
    headers: {{x-first-gateway: "${{FIRST_HEADER}}"}}
  other:
    dialect: openai
    url: {other.url}/api
    api_key: ${{OTHER_KEY}}
    headers: {{x-other-gateway: "${{OTHER_HEADER}}"}}
routes:
  - {{name: mocked, match: {{upstream: openai, model: mocked}}, targets: [openai, other],
     last_resort: mock}}
  - {{name: kept, match: {{upstream: openai, model: kept}}, targets: [openai, other],
     cache: {{ttl: 1ms, stale_if_error: 1h}}}}
  - {{name: chat, match: {{upstream: openai}}, targets: [openai, other]}}
  - {{name: back, match: {{upstream: other}}, targets: [other, openai]}}
"""


def mistaken(good: str) -> str:
    """Keys where none should be: what is wrong with them must be said without them."""
    return good.replace(f"hosts: {HOST}", 'hosts: "${FIRST_KEY} ${OTHER_KEY}"').replace(
        "retry: {attempts: 2,", 'retry: {attempts: "${OTHER_KEY}", "on": "${FIRST_KEY}",'
    )


ENVIRON = {
    "FIRST_KEY": FIRST_KEY.value,
    "OTHER_KEY": OTHER_KEY.value,
    "FIRST_HEADER": FIRST_HEADER.value,
    "OTHER_HEADER": OTHER_HEADER.value,
    "UNDERSTUDY_PROXY_TOKEN": PROXY_TOKEN.value,
    "UNDERSTUDY_ADMIN_TOKEN": ADMIN_TOKEN.value,
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={COLLECTOR_KEY.value}",
}


@pytest.fixture(scope="module", params=["text", "json"])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    """Everything that a proxy let out in all of those calls."""
    folder = tmp_path_factory.mktemp("canaries")
    left = Bytes()
    with Provider("first") as first, Provider("other") as other, Provider("stranger") as stranger:
        providers = (first, other, stranger)
        asyncio.run(_traced(folder, request.param, providers, left))
    return left


Trio = tuple[Provider, Provider, Provider]


async def _traced(folder: Path, log_format: str, providers: Trio, left: Bytes) -> None:
    async with collecting() as collector:
        await asyncio.to_thread(_talk, folder, log_format, providers, left, collector.url)
        left.add("the traces", *collector.raw)
        left.add("the collector's headers", *map(str, collector.headers))


def _talk(folder: Path, log_format: str, providers: Trio, left: Bytes, collector: str) -> None:
    good = policies(providers[0], providers[1])
    at = policy(folder, good)
    environ = ENVIRON | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    flags = ("--log-level", "debug", "--log-format", log_format)
    with serving(at, *flags, environ=environ) as proxy:
        Talk(proxy, providers, left).all(folder / "state")
        _look(proxy, left)
        _commands(at, environ, left, wrong=False)
        (at / "policy.yaml").write_text(mistaken(good))
        assert _operator(proxy, "POST", "/reload", left) == 422
        _look(proxy, left)
        _commands(at, environ, left, wrong=True)
        ended = proxy.stop()
    left.add("the log", ended.err)
    left.add("stdout", ended.out)
    for file in (folder / "state").rglob("*"):
        if file.is_file():
            left.add("the state folder", str(file), file.read_bytes())


def _look(proxy: Serving, left: Bytes) -> None:
    for path in ("/metrics", "/status", "/readyz", "/nowhere"):
        _operator(proxy, "GET", path, left)


def _operator(proxy: Serving, method: str, path: str, left: Bytes) -> int:
    bearer = ("Authorization", f"Bearer {ADMIN_TOKEN.value}")
    response = ask(proxy.admin_port, method, path, [bearer])
    left.add("operators", str(response.fields), response.body)
    return response.status


def _commands(policies: Path, environ: dict[str, str], left: Bytes, *, wrong: bool) -> None:
    bearer = f"Authorization: Bearer {TO_FIRST.bearer.value}"
    url = f"http://{HOST}/v1/chat/completions{TO_FIRST.query}"
    at = ("--policies", str(policies))
    commands = [("check", *at), ("explain", "POST", url, "--header", bearer, *at)]
    if wrong:
        commands.append(("serve", *at, "--listen", "127.0.0.1:0"))
    for command in commands:
        ended = understudy(*command, environ=environ)
        assert (ended.status != 0) is wrong, ended
        left.add("commands", ended.out, ended.err)


@pytest.mark.parametrize(
    "place",
    [
        *("openai", "other", "a stranger", "the app", "operators", "commands"),
        *("the log", "stdout", "the state folder", "the traces", "the collector's headers"),
    ],
)
def test_every_key_is_where_it_belongs_and_nowhere_else(left: Bytes, place: str) -> None:
    came = left.by_place[place]
    assert len(came) > 50, "something came there"
    assert found(ALL, came) == BELONGS.get(place, set())


def test_there_is_no_other_place(left: Bytes) -> None:
    assert len(left.by_place) == 11


@pytest.mark.parametrize("canary", [Canary("a place"), KeyCanary("a place")], ids=["word", "key"])
def test_a_planted_key_is_found_however_it_is_spelled(canary: Canary) -> None:
    value = canary.value
    spellings = [
        value,
        value.upper(),
        value[: len(value) // 2],
        value[len(value) // 2 :],
        value[::-1],
        value.encode().hex(),
        "".join(f"%{ord(character):02X}" for character in value),
        *(b64encode(f"{'x' * before}{value}".encode()).decode() for before in range(6)),
        *(urlsafe_b64encode(f"{'x' * before}{value}:".encode()).decode() for before in range(6)),
    ]
    others = [Canary("another place"), KeyCanary("another place")]
    for spelled in spellings:
        text = f"...{spelled}..."
        assert found([canary, *others], text.encode()) == {canary.place}, spelled
    assert found([canary], quote(f"no key here {canary.place}").encode()) == set()
