"""Unmodified programs under `understudy run`, by each way in."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.speech.anthropic import Anthropic
from tests.outside.policies import APP_KEY
from tests.outside.programs import PROGRAMS, Program
from tests.outside.running import Place, held, policies
from tests.provider import Provider

WAYS = {"base URL": (), "interception": ("--no-base-url",)}
KEYS = {"OPENAI_API_KEY": APP_KEY, "ANTHROPIC_API_KEY": APP_KEY}


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, Provider]]:
    with Provider("openai") as openai, Provider("anthropic", Anthropic()) as anthropic:
        yield {"openai": openai, "anthropic": anthropic}


@pytest.fixture(scope="module")
def environs(
    both: dict[str, Provider], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, str]]]:
    """What programs get, by way in."""
    with ExitStack() as runs:
        found = {}
        for way, flags in WAYS.items():
            folder = tmp_path_factory.mktemp("run")
            place = Place.of(policies(folder, both["openai"], both["anthropic"]), folder)
            found[way] = runs.enter_context(held(place, folder, *flags)) | KEYS
        yield found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program in it whose source has to be compiled: Go's."""
    folder = tmp_path_factory.mktemp("go")
    (folder / "program.go").write_text(PROGRAMS["go"].source)
    environ = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "CGO_ENABLED": "0"}
    command = ["go", "build", "-o", "program", "program.go"]
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=110)
    return folder


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("program", list(PROGRAMS.values()), ids=list(PROGRAMS))
def test_a_program_comes_through(
    program: Program,
    way: str,
    both: dict[str, Provider],
    environs: dict[str, dict[str, str]],
    request: pytest.FixtureRequest,
) -> None:
    if program.lacks:
        pytest.skip(program.lacks)
    provider = both[program.provider]
    provider.plays(GOOD)
    folder = request.getfixturevalue("built") if program.source else program.folder
    done = subprocess.run(
        program.words,
        cwd=folder,
        env=environs[way],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [json.loads(line) for line in done.stdout.splitlines()] == [provider.text] * 2
    for asked in provider.requests:
        keys = [value for _, value in asked.fields if value.endswith(APP_KEY)]
        assert len(keys) == 1, "the app's own key, and no other"
    assert not provider.errors
