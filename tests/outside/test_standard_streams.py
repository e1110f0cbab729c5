"""stdin, stdout and stderr as daemons and supervisors leave them: closed, or read by nobody."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.provider import Provider
from tests.outside.policies import Providers, one
from tests.outside.process import COMMAND, READY_S, environment, policy
from tests.outside.wire import ask

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
