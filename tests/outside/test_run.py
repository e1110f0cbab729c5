"""`understudy run`: the program's own status, its signals, and nothing left behind."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.policies import Providers
from tests.outside.process import understudy
from tests.outside.running import PYTHON, WITHIN_S, Place, listens, policies, until
from tests.provider import Provider

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no POSIX signals")

SIGNALS = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGCONT", "SIGWINCH"]
HEARS = f"""
import signal, sys, os
heard = lambda number, frame: os.write(1, signal.Signals(number).name.encode() + b"\\n")
for name in {SIGNALS}:
    signal.signal(getattr(signal, name), heard)
print(os.environ["HTTP_PROXY"].rpartition(":")[2], flush=True)
sys.stdin.read()
sys.exit(9)
"""


@pytest.fixture
def place(providers: Providers, first: Provider, tmp_path: Path) -> Iterator[Place]:
    place = Place.of(policies(tmp_path, providers.first, providers.second), tmp_path)
    yield place
    place.nothing_is_left()


@pytest.mark.parametrize("status", [0, 7])
def test_the_status_is_the_programs_own(place: Place, status: int) -> None:
    ended = place.run("sh", "-c", f"echo out; echo err >&2; exit {status}")
    assert (ended.status, ended.out, ended.err) == (status, "out\n", "err\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL", "SIGQUIT"])
def test_of_what_the_program_dies_we_die(place: Place, name: str) -> None:
    ended = place.run("sh", "-c", f"ulimit -c 0; kill -{name[3:]} $$")
    assert ended.status == -getattr(signal, name)
    assert ended.err == ""


def test_signals_are_passed_on_once_and_in_order(place: Place) -> None:
    with place.running(PYTHON, "-c", HEARS) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for name in SIGNALS:
            process.send_signal(getattr(signal, name))
            assert process.stdout.readline() == f"{name}\n", process.poll()
        assert listens(port)
        out, err = process.communicate(timeout=WITHIN_S)
        assert (out, err, process.returncode) == ("", "", 9)
        assert not listens(port)


def test_a_signal_that_is_ignored_stays_ignored(place: Place) -> None:
    shown = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    words = place.words(command=[PYTHON, "-c", shown])
    quoted = " ".join(f"'{word}'" for word in words)
    ended = place.run("sh", "-c", f"trap '' HUP; exec {quoted}", flags=["--no-base-url"])
    assert ended.out == "True\n"


def test_programs_get_no_signal_blocked(place: Place) -> None:
    shown = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    assert place.run(PYTHON, "-c", shown).out == "set()\n"


def test_descriptors_are_passed_on(place: Place) -> None:
    ended = place.run("sh", "-c", "exec 7>&1; exec sh -c 'echo seven >&7'")
    assert ended.out == "seven\n"


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [
        (["no-such-command"], 127, "no-such-command: there is no such command"),
        (["./no/such"], 127, "./no/such: there is no such command"),
        (["/"], 126, "/: cannot be run: Permission denied"),
    ],
)
def test_what_cannot_be_run(place: Place, command: list[str], status: int, why: str) -> None:
    ended = place.run(*command)
    assert (ended.status, ended.err) == (status, f"understudy run: {why}\n")


def test_a_file_that_nobody_may_execute(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("echo no")
    assert place.run(str(file)).status == 126


def test_without_a_proxy_the_program_is_not_run(place: Place) -> None:
    ended = place.run("echo", "ran", flags=["--policies", "/no/such"])
    assert (ended.status, ended.out) == (2, "")
    assert "/no/such: there is no such file or folder" in ended.err


def test_a_port_that_is_taken(place: Place, first: Provider) -> None:
    ended = place.run("echo", "ran", flags=["--listen", f"127.0.0.1:{first.port}"])
    assert (ended.status, ended.out) == (1, "")
    assert f"--listen 127.0.0.1:{first.port} cannot be listened on" in ended.err


@pytest.mark.parametrize("words", [["echo", "ran"], ["--"], []])
def test_no_command(place: Place, words: list[str]) -> None:
    ended = understudy("run", *words)
    assert (ended.status, ended.out) == (2, "")
    assert "no command behind --; it wants understudy run" in ended.err


def test_flags_of_the_program_are_its_own(place: Place) -> None:
    assert place.run("echo", "--listen", "--", "-x").out == "--listen -- -x\n"


def test_a_state_folder_that_is_named_stays(place: Place, tmp_path: Path) -> None:
    state = tmp_path / "state"
    ended = place.run("sh", "-c", "echo $SSL_CERT_FILE", flags=["--state-dir", str(state)])
    assert ended.out == f"{state}/ca/bundle.pem\n"
    assert (state / "ca" / "ca.key").exists()
    assert not (state / "running.json").exists()


def test_the_program_may_go_to_another_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder is named from where we are; what the program is told holds anywhere."""
    monkeypatch.chdir(tmp_path)
    ended = place.run("sh", "-c", "cd / && cat $SSL_CERT_FILE", flags=["--state-dir", "state"])
    assert (ended.status, ended.err) == (0, "")
    assert "BEGIN CERTIFICATE" in ended.out


def test_the_temporary_folder_is_for_its_owner_only(place: Place) -> None:
    ended = place.run("sh", "-c", 'stat -c %a "$(dirname "$(dirname "$SSL_CERT_FILE")")"')
    assert ended.out == "700\n"


def test_variables_of_the_flags_are_read(place: Place, tmp_path: Path) -> None:
    state = tmp_path / "state"
    ended = place.run(
        "sh",
        "-c",
        "echo $SSL_CERT_FILE $OPENAI_BASE_URL",
        environ={"UNDERSTUDY_STATE_DIR": str(state), "UNDERSTUDY_NO_BASE_URL": "true"},
    )
    assert ended.out == f"{state}/ca/bundle.pem\n"


def test_a_token_is_given_to_the_program_and_shown_to_nobody(place: Place) -> None:
    token = "token-0123456789abcdef"
    ended = place.run(
        "sh",
        "-c",
        "curl -sS -o /dev/null -w '%{http_code} ' $OPENAI_BASE_URL/models; "
        "curl -sS -o /dev/null -w '%{http_code} ' http://api.openai.com/v1/models; "
        "curl -sS -o /dev/null -w '%{http_code} ' https://api.openai.com/v1/models; "
        "curl -sS -o /dev/null -w '%{http_code}' ${HTTP_PROXY#*@}/openai/v1/models; "
        "cat /proc/*/cmdline | tr '\\0' '\\n' | grep -c -x -e '[-]-proxy-token=.*'",
        environ={"UNDERSTUDY_PROXY_TOKEN": token},
    )
    assert ended.out == "200 200 200 4010\n"
    assert token not in ended.err


def test_what_the_user_set_elsewhere_is_named_on_stderr(place: Place) -> None:
    ended = place.run(
        "sh",
        "-c",
        "echo $OPENAI_BASE_URL",
        environ={"OPENAI_BASE_URL": "https://gateway.test/v1", "HTTPS_PROXY": "http://corp.test:1"},
    )
    assert ended.out == "https://gateway.test/v1\n"
    assert "OPENAI_BASE_URL is left as it is" in ended.err
    assert "HTTPS_PROXY was http://corp.test:1" in ended.err


def test_a_signal_before_the_program_runs_ends_it_all(place: Place) -> None:
    with place.running("echo", "ran") as process:
        until(lambda: list(place.temporary.iterdir()))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=WITHIN_S)
        assert (process.returncode, out) == (-signal.SIGTERM, "")


@pytest.mark.skipif(sys.platform != "linux", reason="other processes are Linux's to show")
def test_when_we_are_killed_the_proxy_ends_and_cleans_up(place: Place) -> None:
    with place.running(PYTHON, "-c", HEARS) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        word = json.loads((place.state() / "running.json").read_text())
        assert word["pid"] in place.processes()
        process.kill()
        process.wait(WITHIN_S)
        until(lambda: not listens(port), WITHIN_S)
        until(lambda: not place.processes(), WITHIN_S)
        until(lambda: not list(place.temporary.iterdir()), WITHIN_S)


@pytest.mark.skipif(sys.platform != "linux", reason="other processes are Linux's to show")
def test_when_we_are_killed_while_the_proxy_starts_it_cleans_up_too(place: Place) -> None:
    with place.running("echo", "ran") as process:
        until(place.processes)
        process.kill()
        process.wait(WITHIN_S)
        until(lambda: not place.processes(), WITHIN_S)
        assert not list(place.temporary.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="other processes are Linux's to show")
def test_the_proxy_has_the_environment_that_we_had(place: Place) -> None:
    with place.running(PYTHON, "-c", HEARS, environ={"HTTPS_PROXY": "http://corp.test:1"}) as run:
        assert run.stdout is not None
        run.stdout.readline()
        word = json.loads((place.state() / "running.json").read_text())
        environ = Path(f"/proc/{word['pid']}/environ").read_bytes().split(b"\0")
        assert b"HTTPS_PROXY=http://corp.test:1" in environ
        assert not [line for line in environ if line.startswith((b"SSL_CERT_FILE", b"OPENAI_"))]
        assert os.getsid(word["pid"]) == word["pid"], "our terminal's Ctrl-C does not reach it"
        run.communicate(timeout=WITHIN_S)
