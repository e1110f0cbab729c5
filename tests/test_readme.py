"""What the README says is true: its snippets run, its policy loads, its tables are complete."""

import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.cli import main
from proxy.core.failure import WORDS
from proxy.policy.document import Source
from proxy.policy.load import load
from tests.outside.process import Serving, environment, serving

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"
MOCKED = "This is a stand-in answer from Understudy"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    section = TEXT.partition(f"## {heading}")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.*?) \|", section, re.MULTILINE)[1:]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The shipped policies, with every provider behind a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    text = (ROOT / "policies" / "default.yaml").read_text()
    folder = tmp_path_factory.mktemp("policies")
    (folder / "default.yaml").write_text(re.sub(r"https://[a-z.]+", closed, text))
    with serving(folder) as running:
        yield running


def run(command: list[str], proxy: Serving, folder: Path) -> str:
    """What a snippet prints, started as the README says."""
    environ = {"OPENAI_BASE_URL": f"{proxy.listen}/openai/v1", "OPENAI_API_KEY": "sk-of-the-app"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=environment(environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl(proxy: Serving, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    [snippet] = [block for block in blocks("sh") if block.startswith("curl")]
    answer = run(
        ["sh", "-c", snippet.replace("http://127.0.0.1:8900", proxy.listen)], proxy, tmp_path
    )
    assert '"embedding":[' in answer


def test_python(proxy: Serving, tmp_path: Path) -> None:
    [snippet] = blocks("python")
    assert run([sys.executable, "-c", snippet], proxy, tmp_path).startswith(MOCKED)


def test_node(proxy: Serving, tmp_path: Path) -> None:
    if shutil.which("node") is None or not NODE_MODULES.exists():
        pytest.skip("node, or the openai package that `make test` gets by npm, is not installed")
    [snippet] = blocks("js")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "snippet.mjs").write_text(snippet)
    assert run(["node", "snippet.mjs"], proxy, tmp_path).startswith(MOCKED)


def test_the_policy_that_is_explained_is_one() -> None:
    [policy] = blocks("yaml")
    snapshot = load((Source("README.md", policy),), {"GROQ_API_KEY": "k"})
    assert [route.name for route in snapshot.routes] == ["chat", "embeddings"]
    assert not snapshot.warnings


def test_every_word_for_a_failure_is_there() -> None:
    assert [word for word in WORDS if f"`{word}`" not in TEXT] == []


def test_the_commands_of_the_table_are_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = {re.sub(r"`understudy (\w+).*`", r"\1", row) for row in rows("Commands")}
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE))
    assert told == listed


def test_the_make_targets_are_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT, re.MULTILINE)) <= set(targets)


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[>=;]", line)[0].lower() for line in project["dependencies"]}
    told = " ".join(rows("What it stands on")).lower()
    told = told.replace(
        "opentelemetry-sdk and its otlp/http exporter",
        "opentelemetry-sdk, opentelemetry-exporter-otlp-proto-http",
    )
    assert names == set(told.replace(",", " ").split())
