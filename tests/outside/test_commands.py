"""The commands as a person runs them: what they print, and their exit status."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.embeddings.loading import load_model
from tests.outside.policies import Providers, one
from tests.outside.process import policy, serving, understudy
from tests.outside.wire import ask
from tests.provider import Provider

WRONG = """
version: 1
upstreams:
  openai: {dialect: opnai, url: https://api.openai.com}
  other: {dialect: openai, url: ftp://x.test, timeot: {total: 5}}
routes:
  - {name: a, targets: [nobody]}
"""


def test_check_passes_a_good_set(providers: Providers, tmp_path: Path) -> None:
    done = understudy("check", str(policy(tmp_path, one(providers))))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("ok: 1 files, 2 upstreams, 0 routes, digest ")


def test_check_names_file_line_and_column_of_all_that_is_wrong(tmp_path: Path) -> None:
    policies = policy(tmp_path, WRONG)
    done = understudy("check", str(policies))
    assert done.status == 1
    places = [line.removeprefix(f"{policies}/policy.yaml:") for line in done.out.splitlines()]
    assert [place.partition(": ")[0] for place in places] == ["4:21", "5:33", "5:47", "7:25"]
    assert "did you mean 'openai'?" in places[0]
    assert "did you mean 'timeout'?" in places[2]


def test_check_of_nothing_says_what_it_looked_for(tmp_path: Path) -> None:
    done = understudy("check", str(tmp_path / "nowhere"))
    assert done.status == 1
    assert "nowhere" in done.out


def test_serve_refuses_a_wrong_set_with_every_complaint(tmp_path: Path) -> None:
    policies = policy(tmp_path, WRONG)
    done = understudy("serve", "--policies", str(policies), "--listen", "127.0.0.1:0")
    assert (done.status, done.out) == (2, "")
    assert done.err.count("policy.yaml:") >= 4
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--listen", "nonsense"),
        ("--admin", "0.0.0.0:0"),
        ("--drain", "soon"),
    ],
    ids=lambda flags: flags[0],
)
def test_serve_refuses_a_wrong_setting(
    providers: Providers, tmp_path: Path, flags: tuple[str, str]
) -> None:
    done = understudy("serve", "--policies", str(policy(tmp_path, one(providers))), *flags)
    assert (done.status, done.out) == (2, "")
    assert flags[0] in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("flag", ["--listen", "--admin"])
def test_serve_says_which_port_is_taken(providers: Providers, tmp_path: Path, flag: str) -> None:
    policies = policy(tmp_path, one(providers))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = {"--listen": "127.0.0.1:0", "--admin": "127.0.0.1:0", flag: address}
        done = understudy(
            "serve", "--policies", str(policies), "--state-dir", str(tmp_path),
            *(word for pair in flags.items() for word in pair),
        )  # fmt: skip
    assert (done.status, done.out) == (1, "")
    assert f"{flag} {address}" in done.err
    assert "Traceback" not in done.err


def test_flags_have_environment_variables(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    told = {"UNDERSTUDY_LOG_FORMAT": "json", "UNDERSTUDY_DRAIN": "1s"}
    with serving(policy(tmp_path, one(providers)), environ=told) as proxy:
        assert ask(proxy.port, "GET", "/openai/v1/models").status == 200
        lines = [json.loads(line) for line in proxy.stop().err.splitlines()]
    assert lines


def test_status_asks_the_proxy_that_runs_and_says_when_none_does(
    providers: Providers, first: Provider, tmp_path: Path
) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    with serving(policy(tmp_path, one(providers))) as proxy:
        ask(proxy.port, "GET", "/openai/v1/models")
        told = understudy("status", "--json", *state)
        assert told.status == 0, told.out + told.err
        assert json.loads(told.out)["overall"]["total_requests"] == 1
        words = understudy("status", "--admin", proxy.admin.removeprefix("http://"))
        assert words.status == 0
        assert "openai" in words.out
        address = proxy.admin.removeprefix("http://")
    gone = understudy("status", "--admin", address)
    assert gone.status == 1
    assert "no proxy answers" in gone.out


def test_an_interrupt_is_a_clean_stop_too(providers: Providers, tmp_path: Path) -> None:
    with serving(policy(tmp_path, one(providers))) as proxy:
        proxy.signal(signal.SIGINT)
        assert proxy.wait().status == 0


def test_schema_is_a_json_schema_of_policies() -> None:
    done = understudy("schema")
    assert done.status == 0
    schema = json.loads(done.out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"upstreams", "routes", "defaults"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_embed_prints_vectors_of_arguments_and_of_lines() -> None:
    try:
        load_model("all-MiniLM-L6-v2")
    except Exception as error:
        pytest.skip(f"the local model is not installed: {error}")
    done = understudy("embed", "--json", "a cat", "a dog")
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["text"] for row in rows] == ["a cat", "a dog"]
    assert {len(row["embedding"]) for row in rows} == {384}
    lines = understudy("embed", stdin="a cat\n")
    assert json.loads(lines.out) == pytest.approx(rows[0]["embedding"], abs=1e-5)


def test_embed_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    done = understudy("embed", "--model", str(tmp_path), "x")
    assert (done.status, done.out) == (1, "")
    assert str(tmp_path) in done.err
    assert "Traceback" not in done.err


def test_the_script_and_the_module_are_the_same_program() -> None:
    module = understudy("--version")
    assert module.status == 0
    assert module.out.startswith("understudy 0.")
    script = Path(sys.executable).parent / "understudy"
    if not script.exists():
        pytest.skip("the package is not installed beside this Python")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == module.out


def test_the_slow_parser_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "version: 1\nupstreams: {openai: {dialect: openai, url: http://127.0.0.1:9}}\n"
    )
    ended = understudy(
        "serve",
        "--policies",
        str(tmp_path),
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        environ={"AIOHTTP_NO_EXTENSIONS": "1"},
    )
    assert ended.status == 1
    assert "C extensions" in ended.err
