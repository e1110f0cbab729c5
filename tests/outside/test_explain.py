"""`understudy explain` prints the plan that the request then takes."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.drill.faults.server_error import ServerError
from tests.outside.policies import HOST, Providers, two
from tests.outside.process import policy, serving, understudy
from tests.outside.sdk import QUESTION
from tests.outside.wire import ask
from tests.provider import Provider

BODY = orjson.dumps(QUESTION)


def _layers(node: Any, name: str) -> list[dict[str, Any]]:
    """Every layer of that name in a plan, outermost first."""
    found = []
    if isinstance(node, dict):
        found += [node] if node.get("layer") == name else []
        for inside in node.values():
            found += _layers(inside, name)
    elif isinstance(node, list):
        for inside in node:
            found += _layers(inside, name)
    return found


@pytest.mark.parametrize("last_resort", ["mock", "none"])
def test_the_targets_are_those_that_are_asked_and_in_that_order(
    providers: Providers, first: Provider, second: Provider, tmp_path: Path, last_resort: str
) -> None:
    first.plays(ServerError(503))
    second.plays(ServerError(503))
    policies = policy(tmp_path, two(providers, last_resort=last_resort))
    (tmp_path / "body.json").write_bytes(BODY)
    told = understudy(
        "explain", "POST", "/openai/v1/chat/completions", "--json",
        "--body", str(tmp_path / "body.json"), "--policies", str(policies),
    )  # fmt: skip
    assert told.status == 0, told.err
    plan = json.loads(told.out)
    assert (plan["upstream"], plan["operation"], plan["model"]) == ("openai", "chat", "gpt-4o")
    assert plan["route"] == "chat"
    targets = [target["name"] for target in _layers(plan["plan"], "Target")]
    attempts = [retry["settings"]["attempts"] for retry in _layers(plan["plan"], "Retry")]
    expected = [name for name, times in zip(targets, attempts, strict=True) for _ in range(times)]
    with serving(policies) as proxy:
        response = ask(proxy.port, "POST", "/openai/v1/chat/completions", [], BODY)
    assert targets == ["openai", "other"]
    seen = sorted((seen.came_at, name) for name, provider in
                  (("openai", first), ("other", second)) for seen in provider.requests)  # fmt: skip
    assert [name for _, name in seen] == expected
    if last_resort == "mock":
        assert _layers(plan["plan"], "Mock")
        assert response.value("x-understudy-source") == "mock"
    else:
        assert not _layers(plan["plan"], "Mock")
        tried = [row["target"] for row in orjson.loads(response.body)["error"]["attempts"]]
        assert tried == expected


@pytest.mark.parametrize("url", [f"http://{HOST}/v1/models", "http://localhost:1/openai/v1/models"])
def test_words_say_it_too_and_why_no_route_fits(
    providers: Providers, tmp_path: Path, url: str
) -> None:
    policies = policy(tmp_path, two(providers))
    told = understudy("explain", "GET", url, "--policies", str(policies))
    assert told.status == 0, told.err
    assert "upstream   openai (openai)" in told.out
    assert "operation  models" in told.out
    assert "not chat: " in told.out
    assert "Send" in told.out


def test_what_nobody_handles_is_said_to_be_so(providers: Providers, tmp_path: Path) -> None:
    policies = policy(tmp_path, two(providers))
    told = understudy("explain", "GET", "/nobody/v1/models", "--policies", str(policies))
    assert told.status == 1
    assert "nobody" in told.out


@pytest.mark.parametrize("url", ["http://[::1/x", "http://x.test:99999/", "http://x.test:y/"])
def test_what_is_no_url_is_said_to_be_none(providers: Providers, tmp_path: Path, url: str) -> None:
    policies = policy(tmp_path, two(providers))
    told = understudy("explain", "GET", url, "--policies", str(policies))
    assert (told.status, told.err) == (1, "")
    assert f"nothing would handle it: {url!r} is no URL" in told.out


def test_what_is_passed_through_is_said_to_be_so(providers: Providers, tmp_path: Path) -> None:
    policies = policy(tmp_path, two(providers))
    told = understudy("explain", "GET", "http://elsewhere.test/x", "--policies", str(policies))
    assert told.status == 0, told.out
    assert "elsewhere.test" in told.out
    assert "Passthrough" in told.out
    assert "rule=no private addresses" in told.out
    secure = understudy("explain", "GET", "https://elsewhere.test/x", "--policies", str(policies))
    assert secure.status == 0
    assert "Tunnel port=443 rule=no private addresses" in secure.out
    private = understudy("explain", "GET", "http://10.0.0.1/x", "--policies", str(policies))
    assert private.status == 1
    assert "nothing would handle it: 10.0.0.1 is a private" in private.out
    odd = understudy("explain", "GET", "https://elsewhere.test:22/", "--policies", str(policies))
    assert odd.status == 1
    assert "no tunnel leads to port 22; connect_ports has 443" in odd.out
    denying = policy(tmp_path / "denying", two(providers) + "passthrough: deny\n")
    denied = understudy("explain", "GET", "http://elsewhere.test/x", "--policies", str(denying))
    assert denied.status == 1
    assert "passthrough is denied" in denied.out


def test_a_port_that_no_tunnel_leads_to_is_told_of(tmp_path: Path, providers: Providers) -> None:
    policies = policy(tmp_path, two(providers))
    told = understudy(
        "explain", "GET", f"https://{HOST}:8443/v1/models", "--policies", str(policies)
    )
    assert told.status == 1
    assert "no tunnel leads to port 8443" in told.out
    listed = policy(tmp_path / "listed", two(providers) + "connect_ports: [443, 8443]\n")
    told = understudy("explain", "GET", f"https://{HOST}:8443/v1/models", "--policies", str(listed))
    assert told.status == 0
