"""A proxy that dies while its program runs comes back, and the program goes on."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.policies import Providers
from tests.outside.running import PYTHON, WITHIN_S, Place, policies, until
from tests.provider import Provider

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no POSIX signals")

ASKS = """
import os, select, sys, time, requests
asked, failed = 0, 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(200):
        try:
            requests.get("https://api.openai.com/v1/models", timeout=5).raise_for_status()
            break
        except requests.RequestException:
            failed += 1
            time.sleep(0.05)
    else:
        sys.exit("in vain")
    asked += 1
    print(asked, flush=True)
    time.sleep(0.02)
print(failed > 0, flush=True)
"""


@pytest.fixture
def place(providers: Providers, first: Provider, tmp_path: Path) -> Iterator[Place]:
    place = Place.of(policies(tmp_path, providers.first, providers.second), tmp_path)
    yield place
    place.nothing_is_left()


def test_it_is_started_again_on_the_same_ports_with_the_same_ca(place: Place) -> None:
    with place.running(PYTHON, "-c", ASKS) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        note = place.state() / "running.json"
        before, ca = json.loads(note.read_text()), (place.state() / "ca" / "ca.pem").read_bytes()
        now = before
        for _ in range(2):
            os.kill(now["pid"], signal.SIGKILL)
            last = now["pid"]
            until(lambda last=last: json.loads(note.read_text() or "{}").get("pid", last) != last)
            now = json.loads(note.read_text())
            assert {**now, "pid": 0} == {**before, "pid": 0}
            for _ in range(3):
                assert process.stdout.readline()
        assert (place.state() / "ca" / "ca.pem").read_bytes() == ca
        out, err = process.communicate("\n", timeout=WITHIN_S)
        assert process.returncode == 0
        assert out.endswith("True\n"), "it noticed"
        line = "the proxy has ended by SIGKILL; it is started again on the same ports"
        assert err.splitlines() == [f"understudy run: {line}"] * 2


def test_a_program_may_end_while_there_is_no_proxy(place: Place) -> None:
    kill = "kill -9 \"$(cat $STATE/running.json | tr -dc '0-9,' | cut -d, -f1)\"; exit 3"
    script = f'STATE="$(dirname "$(dirname "$SSL_CERT_FILE")")"; {kill}'
    assert place.run("sh", "-c", script).status == 3
