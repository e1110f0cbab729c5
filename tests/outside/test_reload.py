"""A policy edited while requests run: in force within a second, or refused with its line."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.drill.faults.good import Good
from tests.outside.policies import NEVER_OPEN, Providers
from tests.outside.process import Serving, policy, serving
from tests.outside.wire import Wire, ask
from tests.provider import Provider

PROMISED_S = 1.0


def _to(provider: Provider) -> str:
    return f"""
version: 1
upstreams:
  openai: {{dialect: openai, url: {provider.url}, breaker: {NEVER_OPEN}}}
"""


class _Traffic:
    """Requests one after the other on each of a few connections; `statuses` of all of them."""

    def __init__(self, port: int) -> None:
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(port,)) for _ in range(3)]

    def _run(self, port: int) -> None:
        with Wire(port) as wire:
            while not self._stop.is_set():
                self.statuses.append(wire.ask("GET", "/openai/v1/x").status)

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(10)


def _seconds_until(true: Callable[[], bool], limit_s: float = 5.0) -> float:
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < limit_s
        time.sleep(0.01)
    return time.monotonic() - started


def _whole_within(proxy: Serving, change: Callable[[], None], provider: Provider) -> None:
    """`change` leads new calls to `provider` in time, and no call notices."""
    traffic = _Traffic(proxy.port)
    with traffic.running():
        time.sleep(0.1)
        assert not provider.requests
        change()
        assert _seconds_until(lambda: bool(provider.requests)) < PROMISED_S
        time.sleep(0.1)
    assert set(traffic.statuses) == {200}
    assert proxy.status()["policies"]["last_error"] is None


def test_an_edited_file_is_in_force_within_a_second(
    first: Provider, second: Provider, tmp_path: Path
) -> None:
    policies = policy(tmp_path, _to(first))
    file = policies / "policy.yaml"

    def edit() -> None:
        file.write_text(_to(second))

    def replace() -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(_to(first))
        fresh.rename(file)

    with serving(policies) as proxy:
        _whole_within(proxy, edit, second)
        first.requests.clear()
        _whole_within(proxy, replace, first)


def test_a_folder_of_kubernetes_is_followed_through_its_links(
    first: Provider, second: Provider, tmp_path: Path
) -> None:
    """policy.yaml -> ..data/policy.yaml, and ..data -> a folder with a date, swapped whole."""
    policies = tmp_path / "policies"
    for name, provider in (("..2026_a", first), ("..2026_b", second), ("..2026_c", first)):
        (policies / name).mkdir(parents=True)
        (policies / name / "policy.yaml").write_text(_to(provider))
    (policies / "..data").symlink_to("..2026_a")
    (policies / "policy.yaml").symlink_to("..data/policy.yaml")

    def swap(name: str) -> None:
        old = os.readlink(policies / "..data")
        (policies / "..data_tmp").symlink_to(name)
        (policies / "..data_tmp").rename(policies / "..data")
        (policies / old / "policy.yaml").unlink()
        (policies / old).rmdir()

    with serving(policies) as proxy:
        _whole_within(proxy, lambda: swap("..2026_b"), second)
        first.requests.clear()
        _whole_within(proxy, lambda: swap("..2026_c"), first)


def test_a_file_that_is_linked_to_is_followed(
    first: Provider, second: Provider, tmp_path: Path
) -> None:
    real = tmp_path / "elsewhere" / "real.yaml"
    real.parent.mkdir()
    real.write_text(_to(first))
    link = tmp_path / "etc" / "policy.yaml"
    link.parent.mkdir()
    link.symlink_to(real)
    with serving(link) as proxy:
        _whole_within(proxy, lambda: _write(real, _to(second)), second)


def _write(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("version: 1\nupstreams:\n  openai: {dialect: openai, ulr: http://x.test}\n", ":3:29: "),
        ("version: 1\nupstreams: {openai: {dialect: openai\n", ":3:1: "),
        ("", ":1:1: "),
    ],
    ids=["unknown key", "no YAML", "empty"],
)
def test_a_broken_file_is_refused_and_nothing_changes(
    first: Provider, tmp_path: Path, broken: str, complaint: str
) -> None:
    policies = policy(tmp_path, _to(first))
    file = policies / "policy.yaml"
    with serving(policies) as proxy:
        traffic = _Traffic(proxy.port)
        with traffic.running():
            file.write_text(broken)
            took_s = _seconds_until(lambda: bool(proxy.status()["policies"]["last_error"]))
        assert took_s < PROMISED_S
        told = proxy.status()
        assert f"{file}{complaint}" in told["policies"]["last_error"]
        assert told["policies"]["digest"] == proxy.ready["digest"]
        assert told["degraded"]
        _seconds_until(lambda: f"{file}{complaint}" in proxy.log)
        assert set(traffic.statuses) == {200}
        file.write_text(_to(first))
        _seconds_until(lambda: proxy.status()["policies"]["last_error"] is None)
        assert proxy.status()["policies"]["digest"] == proxy.ready["digest"]


def test_a_call_ends_under_the_policy_that_it_began_with(
    first: Provider, second: Provider, tmp_path: Path
) -> None:
    first.plays(Good(pause_s=0.2))
    policies = policy(tmp_path, _to(first))
    with serving(policies) as proxy, Wire(proxy.port) as wire:
        wire.send(b"GET /openai/v1/x HTTP/1.1\r\nHost: x\r\n\r\n")
        first.until(lambda seen: bool(seen))
        (policies / "policy.yaml").write_text(_to(second))
        _seconds_until(lambda: ask(proxy.port, "GET", "/openai/v1/x").body.find(b"second") > 0)
        response = wire.response()
        assert (response.status, response.whole) == (200, True)
        assert b"first" in response.body


def test_operators_can_ask_for_a_reload(providers: Providers, tmp_path: Path) -> None:
    policies = policy(tmp_path, _to(providers.first))
    with serving(policies) as proxy:
        assert proxy.ask("/reload", "POST") == {
            "reloaded": True,
            "digest": proxy.ready["digest"],
            "complaints": [],
        }


def test_sighup_ends_nothing(providers: Providers, tmp_path: Path) -> None:
    with serving(policy(tmp_path, _to(providers.first))) as proxy:
        for _ in range(3):
            proxy.signal(signal.SIGHUP)
            assert ask(proxy.port, "GET", "/openai/v1/x").status == 200
        assert "Traceback" not in proxy.log
