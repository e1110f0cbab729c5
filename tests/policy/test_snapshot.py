"""What is in force: defaults filled in, files merged, hosts found, and one digest for it all."""

from dataclasses import FrozenInstanceError

import pytest

from proxy.core.failure import ELSEWHERE, FailureKind
from proxy.policy.parse import is_policy_file
from proxy.policy.schema import Backend, Breaker, Cache, Retry, Timeout
from tests.policy.loading import OPENAI, loaded

FULL = """
version: 1
passthrough: deny
defaults:
  timeout: {connect: 1s, idle: 2s}
  retry: {attempts: 5, backoff: {initial: 1s, max: 20s}}
upstreams:
  one:
    dialect: openai
    url: http://One.example:8080/base/
    timeout: {idle: 250ms}
    retry: {on: timeout, backoff: {max: 30s}}
    breaker: {consecutive: 3}
    models: {a: b}
  two: {dialect: openai, url: https://two.example, hosts: [Alias.example, "[::1]:99"]}
routes:
  - name: r
    match: {upstream: one, operation: [embeddings, chat], model: "gpt-4*", headers: {X-Team: a}}
    targets:
      - one
      - {upstream: two, model: m, set: {a: [1, null]}, on: [timeout, quota]}
      - {upstream: local, on: all}
    cache: {ttl: 1h}
    last_resort: mock
backend: {load: start}
"""


def test_defaults_are_those_of_the_interface() -> None:
    one = loaded(OPENAI).upstreams["openai"]
    assert one.timeout == Timeout(connect=5.0, first_byte=60.0, idle=30.0, total=600.0)
    assert one.retry.attempts == 2
    assert {kind.value for kind in one.retry.on} == {"rate_limit", "unavailable", "network"}
    assert one.retry.retry_after_max == 10.0
    backoff = one.retry.backoff
    assert (backoff.initial, backoff.factor, backoff.max, backoff.jitter) == (0.5, 2.0, 8.0, "full")
    assert one.breaker == Breaker(
        window=30.0, min_calls=10, failure_rate=0.5, consecutive=5, open=30.0, probes=1
    )
    assert loaded(OPENAI).backend == Backend(
        type="auto", device="auto", model="all-MiniLM-L6-v2", load="on_use"
    )
    assert loaded(OPENAI).passthrough is None
    assert Cache(ttl=1.0) == Cache(ttl=1.0, stale_if_error=0.0, scope="credential", store="memory")


def test_an_upstreams_own_keys_win_over_defaults_key_by_key() -> None:
    one = loaded(FULL).upstreams["one"]
    assert one.timeout == Timeout(connect=1.0, idle=0.25)
    assert one.breaker == Breaker(consecutive=3)
    assert (one.retry.attempts, one.retry.backoff.initial, one.retry.backoff.max) == (5, 1.0, 30.0)
    assert one.retry.on == {kind for kind in FailureKind if kind.startswith("timeout.")}
    assert one.retry.retry_after_max == Retry().retry_after_max
    assert loaded(FULL).upstreams["two"].retry.backoff.max == 20.0


def test_upstreams_and_routes_are_as_written() -> None:
    snapshot = loaded(FULL)
    one = snapshot.upstreams["one"]
    assert (one.name, one.url, one.models) == ("one", "http://one.example:8080/base", {"a": "b"})
    assert (snapshot.passthrough, snapshot.backend.load) == ("deny", "start")
    (route,) = snapshot.routes
    first, second, third = route.targets
    assert (first.upstream, first.local, first.on, first.name) == ("one", False, ELSEWHERE, "one")
    assert (second.model, second.set) == ("m", {"a": [1, None]})
    assert second.on >= {FailureKind.QUOTA, FailureKind.TIMEOUT_IDLE}
    assert len(second.on) == 5
    assert (third.upstream, third.local, third.name) == (None, True, "local")
    assert third.on == frozenset(FailureKind)
    assert (route.cache, route.last_resort) == (Cache(ttl=3600.0), "mock")


def test_a_snapshot_does_not_change() -> None:
    snapshot = loaded(FULL)
    with pytest.raises(FrozenInstanceError):
        snapshot.digest = ""  # type: ignore[misc]
    with pytest.raises(TypeError):
        snapshot.upstreams["x"] = snapshot.upstreams["one"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        snapshot.upstreams["one"].timeout.idle = 3.0


def test_hosts_lead_to_upstreams() -> None:
    snapshot = loaded(FULL)
    found = {
        (host, port): upstream.name if (upstream := snapshot.upstream_for_host(host, port)) else ""
        for host, port in [
            ("ONE.example", 8080),
            ("one.example", 80),
            ("alias.example", 443),
            ("alias.example", 8443),
            ("two.example", 443),
            ("::1", 99),
            ("[::1]", 99),
            ("::1", 80),
        ]
    }
    assert list(found.values()) == ["one", "", "two", "two", "", "two", "two", ""]


def test_a_host_written_out_wins_over_that_of_a_url() -> None:
    text = (
        "version: 1\nupstreams:\n"
        "  a: {dialect: raw, url: 'http://x'}\n"
        "  b: {dialect: raw, url: 'http://x'}\n"
        "  c: {dialect: raw, url: 'http://y', hosts: x}\n"
        "  d: {dialect: raw, url: 'http://z'}\n"
        "  e: {dialect: raw, url: 'http://z'}\n"
    )
    assert loaded(text).hosts == {"x": "c", "z": "d"}


def test_files_are_one_set_in_the_order_of_their_names() -> None:
    first = "upstreams: {z: {dialect: raw, url: 'http://z'}}\nroutes: [{name: r1, targets: [a]}]\n"
    second = "version: 1\nupstreams: {a: {dialect: raw, url: 'http://a'}}\n"
    third = "version: 1\nroutes: [{name: r0, match: {model: x}, targets: [z]}]\n"
    snapshot = loaded(first, second, third)
    assert snapshot.files == ("a.yaml", "b.yaml", "c.yaml")
    assert list(snapshot.upstreams) == ["z", "a"]
    assert [route.name for route in snapshot.routes] == ["r1", "r0"]


def test_defaults_of_one_file_are_for_upstreams_of_all() -> None:
    snapshot = loaded(OPENAI, "defaults: {timeout: {idle: 9s}}\n")
    assert snapshot.upstreams["openai"].timeout.idle == 9.0


def test_the_digest_is_of_what_is_in_force() -> None:
    digest = loaded(FULL).digest
    assert len(digest) == 16
    assert int(digest, 16) >= 0
    assert loaded("# a word\n" + FULL.replace("250ms", "0.25s")).digest == digest
    assert loaded(FULL.replace("connect: 1s", "connect: 1000ms"), "# nothing").digest == digest
    changed = [
        FULL.replace("250ms", "251ms"),
        FULL.replace("deny", "allow"),
        FULL.replace("name: r", "name: s"),
        FULL.replace("gpt-4*", "gpt-4?"),
        FULL.replace("ttl: 1h", "ttl: 2h"),
        FULL.replace("X-Team", "X-Teams"),
        FULL.replace("load: start", "load: on_use"),
        FULL.replace("[timeout, quota]", "timeout"),
        FULL.replace("Alias", "Alibi"),
    ]
    assert len({digest, *(loaded(text).digest for text in changed)}) == 10


def test_the_digest_follows_the_environment() -> None:
    text = "version: 1\nupstreams: {one: {dialect: openai, url: 'http://x', api_key: '${KEY}'}}\n"
    digests = {loaded(text, KEY=key).digest for key in ("", "a", "b", "a")}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.yaml", True),
        ("a.yml", True),
        ("a.b.toml", True),
        (".a.yaml", False),
        ("..data", False),
        ("a.yaml~", False),
        ("a.json", False),
        ("yaml", False),
    ],
)
def test_which_files_are_policies(name: str, is_one: bool) -> None:
    assert is_policy_file(name) is is_one
