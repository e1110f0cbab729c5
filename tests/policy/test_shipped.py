"""The policy files that ship are documentation, and they are true."""

from pathlib import Path

import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.policy.document import Source
from proxy.policy.load import load
from proxy.policy.match import find_route
from proxy.policy.parse import is_policy_file
from proxy.policy.snapshot import Snapshot

POLICIES = Path(__file__).parents[2] / "policies"
FILES = sorted(path for path in POLICIES.rglob("*") if is_policy_file(path.name))


def shipped(path: Path) -> Snapshot:
    return load([Source(path.name, path.read_text("utf-8"))], {})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_a_policy_set_without_any_environment(path: Path) -> None:
    assert shipped(path).upstreams
    for warning in shipped(path).warnings:
        assert "has no api_key" in warning


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_line_is_too_long_to_read(path: Path) -> None:
    assert max(map(len, path.read_text("utf-8").splitlines())) <= 110


def test_the_default_set_needs_no_key() -> None:
    snapshot = shipped(POLICIES / "default.yaml")
    headers: CIMultiDict[str] = CIMultiDict()
    embeddings = find_route(snapshot, "openai", Operation.EMBEDDINGS, "any", headers)
    chat = find_route(snapshot, "openai", Operation.CHAT, "any", headers)
    assert embeddings is not None
    assert chat is not None
    assert [target.name for target in embeddings.targets] == ["openai", "local"]
    assert [target.name for target in chat.targets] == ["openai", "openrouter"]
    assert embeddings.last_resort == chat.last_resort == "mock"
    assert snapshot.upstreams["openrouter"].missing_key == "OPENROUTER_API_KEY"
    assert find_route(snapshot, "anthropic", Operation.OTHER, None, headers) is None
    hosts = {name: snapshot.upstream_for_host(name, 443) for name in snapshot.hosts}
    assert hosts["api.openai.com"] is snapshot.upstreams["openai"]
