"""`understudy drill` as a command: what ships survives every fault, and the status says so."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.policy.parse import is_policy_file
from tests.outside.process import policy, understudy

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = sorted(path for path in POLICIES.rglob("*") if is_policy_file(path.name))
AT_LEAST = {
    "rate_limit", "rate_limit_hint", "rate_limit_hour", "quota", "wrong_key", "500_once", "503",
    "529", "html_502", "error_in_200", "reset", "refused", "no_such_name", "silence",
    "late_first_token", "error_event_first", "error_event_after_role", "cut", "no_end", "stall",
    "drip", "malformed_event", "context_length", "content_filter", "prefill_refused", "flapping",
}  # fmt: skip


def _rows(*arguments: str) -> list[dict[str, Any]]:
    ended = understudy("drill", "--json", *arguments)
    told = orjson.loads(ended.out)
    assert ended.status == (0 if told["survived"] else 1)
    rows: list[dict[str, Any]] = told["rows"]
    return rows


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_policy_that_ships_survives_every_fault(path: Path) -> None:
    rows = _rows("--policies", str(path))
    assert {row["scenario"] for row in rows} >= AT_LEAST
    wrong = [row for row in rows if not row["survived"]]
    assert [(row["route"], row["scenario"], row["stream"], row["why"]) for row in wrong] == []


def test_a_row_has_these_keys() -> None:
    example = str(POLICIES / "examples" / "two-providers.yaml")
    row = next(row for row in _rows("--policies", example, "503") if row["stream"])
    assert row == {
        "route": "small",
        "scenario": "503",
        "stream": True,
        "app": {
            "status": 200,
            "source": "upstream",
            "target": "groq",
            "attempts": 4,
            "ended": "whole",
        },
        "providers": {"openai": 3, "groq": 1},
        "survived": True,
        "why": "another target is led to",
    }


def test_the_scorecard_is_for_people() -> None:
    example = str(POLICIES / "examples" / "two-providers.yaml")
    ended = understudy("drill", "cut", environ={"UNDERSTUDY_POLICIES": example})
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert lines[0] == "route small: gpt-4o-mini of openai, sequential: openai > groq"
    assert lines[2].split()[:7] == ["cut", "200", "groq", "broken", "off,", "told", "openai"]
    assert "note: groq has no key here (GROQ_API_KEY is not set)" in ended.out
    assert "plays survived" in lines[-1]


def test_the_list_names_every_scenario_with_what_it_does() -> None:
    ended = understudy("drill", "--list")
    assert ended.status == 0
    listed = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert listed.keys() >= AT_LEAST
    assert listed["rate_limit_hour"] == "429 for good: come back in an hour"


def test_what_is_not_survived_is_status_1(tmp_path: Path) -> None:
    """A fallback that is given no time to answer is none, whatever the policy says."""
    text = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com}
  hasty: {dialect: openai, url: https://api.groq.com/openai, timeout: {total: 10ms}}
routes:
  - {name: chat, match: {upstream: openai}, targets: [openai, hasty]}
"""
    ended = understudy("drill", "503", "--policies", str(policy(tmp_path, text)))
    assert ended.status == 1
    assert "NOT SURVIVED: 503, plain: it ended as error, not whole" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cutt",), "no scenario is called 'cutt'; the nearest is 'cut'"),
        (("--policies", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
    ],
)
def test_a_wrong_name_or_policy_is_status_2(arguments: tuple[str, ...], said: str) -> None:
    ended = understudy("drill", *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert not ended.out


def test_no_real_key_leaves_the_process() -> None:
    """The providers of a drill are ours, but keys have no business there all the same."""
    key = "sk-real-0123456789abcdefghijklmn"
    ended = understudy(
        "drill",
        "--json",
        "wrong_key",
        "--policies",
        str(POLICIES / "default.yaml"),
        environ={"OPENROUTER_API_KEY": key, "PATH": os.environ["PATH"]},
    )
    assert ended.status == 0
    assert key not in ended.out + ended.err
