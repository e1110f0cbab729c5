"""What a process is given by who starts it: streams that nobody reads, and too few descriptors."""

import json
import os
import resource
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import orjson
import pytest

from proxy.cli.serve import DESCRIPTORS
from tests.outside.policies import Providers, one
from tests.outside.process import COMMAND, READY_S, environment, policy
from tests.outside.sdk import QUESTION
from tests.outside.wire import Wire, ask
from tests.provider import Provider

FLUSHED_WITHIN_S = 8.0
"""What a stuck log may hold up a stop, and something for a busy machine."""


def _serve(providers: Providers, folder: Path) -> list[str]:
    policies = str(policy(folder, one(providers)))
    ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    return [*COMMAND, "serve", "--policies", policies, "--state-dir", str(folder), *ports]


def _port(folder: Path) -> int:
    """Of a proxy that cannot say it on stdout."""
    file, until = folder / "running.json", time.monotonic() + READY_S
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    return int(json.loads(file.read_text())["listen"].rpartition(":")[2])


@pytest.mark.skipif(os.name == "nt", reason="there is no sh here")
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_proxy_without_standard_streams_serves_and_ends(
    providers: Providers, first: Provider, tmp_path: Path, closed: str
) -> None:
    """No socket gets the number of a stream: it would be taken for one."""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *_serve(providers, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment({})) as process:
        try:
            port = _port(tmp_path)
            assert ask(port, "GET", "/openai/v1/models").status == 200
            assert ask(port, "GET", "/nobody").status == 404
            process.terminate()
            assert process.wait(FLUSHED_WITHIN_S) == 0
        finally:
            process.kill()


@pytest.mark.skipif(os.name == "nt", reason="pipes are others here")
def test_a_proxy_whose_stderr_nobody_reads_serves_and_ends(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    unread, stderr = os.pipe()
    os.set_blocking(stderr, False)
    try:
        while os.write(stderr, b"x" * 512):
            pass
    except BlockingIOError:
        os.set_blocking(stderr, True)
    with subprocess.Popen(
        _serve(providers, tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=environment({}),
    ) as process:
        try:
            assert ask(_port(tmp_path), "GET", "/openai/v1/models").status == 200
            process.terminate()
            assert process.wait(FLUSHED_WITHIN_S) == 0
        finally:
            process.kill()
            os.close(unread)
            os.close(stderr)


def test_a_full_disk_under_the_log_is_no_failed_stop(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with (
        open("/dev/full", "w") as full,
        subprocess.Popen(
            _serve(providers, tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=full,
            env=environment({}),
        ) as process,
    ):
        try:
            assert ask(_port(tmp_path), "GET", "/openai/v1/models").status == 200
            process.terminate()
            assert process.wait(FLUSHED_WITHIN_S) == 0
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits are Linux's to tell")
def test_as_many_connections_as_the_machine_allows(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    """Two a call: shells allow a thousand descriptors, and the machine far more."""
    command = ["sh", "-c", 'ulimit -S -n 100; exec "$@"', "sh", *_serve(providers, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment({})) as process:
        try:
            _port(tmp_path)
            soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            assert soft > 100
            assert soft in (hard, DESCRIPTORS)
        finally:
            process.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits are Linux's to tell")
def test_no_core_is_dumped_that_would_have_every_key_in_it(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    command = ["sh", "-c", 'ulimit -S -c unlimited; exec "$@"', "sh", *_serve(providers, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment({})) as process:
        try:
            _port(tmp_path)
            assert resource.prlimit(process.pid, resource.RLIMIT_CORE)[0] == 0
        finally:
            process.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="another process's files are Linux's to tell")
def test_when_none_is_left_no_provider_is_blamed(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    def taken() -> set[int]:
        return set(map(int, os.listdir(f"/proc/{process.pid}/fd")))

    command = _serve(providers, tmp_path)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment({})) as process:
        try:
            with Wire(_port(tmp_path)) as wire:
                until, before = time.monotonic() + READY_S, set[int]()
                while before != (before := taken()):  # until whatever starts has started
                    assert time.monotonic() < until
                    time.sleep(0.5)
                lowest_free = next(number for number in count() if number not in taken())
                soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
                resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
                body = orjson.dumps(QUESTION)
                response = wire.ask("POST", "/openai/v1/chat/completions", [], body)
                assert response.status == 503
                assert orjson.loads(response.body)["error"]["code"] == "limit"
                resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
                response = wire.ask("POST", "/openai/v1/chat/completions", [], body)
                assert response.status == 200
        finally:
            process.terminate()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_who_cannot_be_told_that_it_runs_is_told_why_it_does_not(
    providers: Providers, tmp_path: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            _serve(providers, tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            env=environment({}),
            check=False,
        )
    assert done.returncode == 1
    assert "stdout takes no line" in done.stderr
    assert "Traceback" not in done.stderr
