"""The table of faults has every fault there is, and a provider that has none does no harm."""

from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import orjson

from tests.faults.provider import Provider
from tests.faults.table import FAULTS
from tests.faults.turn import Fault

NO_FAULTS = {"answers", "canned", "good", "provider", "reading", "table", "too_large", "turn"}
"""What a fault is made of, and what tests use by itself."""


def test_every_file_of_a_fault_has_a_line_in_the_table() -> None:
    files = {file.stem for file in Path(__file__).parent.glob("*.py")}
    files -= NO_FAULTS | {"test_table"}
    modules = {type(fault).__module__.rpartition(".")[2] for fault in FAULTS.values()}
    assert modules == files


def test_every_fault_can_be_played() -> None:
    for name, fault in FAULTS.items():
        play: Fault = fault
        assert callable(play.play), name


def test_a_provider_answers_and_remembers() -> None:
    with Provider("lone") as provider:
        body = orjson.dumps({"model": "m", "stream": True})
        request = Request(f"{provider.url}/v1/chat/completions?a", body, {"X-A": "1"})
        with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
            text = answer.read()
        (seen,) = provider.requests
    assert text.endswith(b"data: [DONE]\n\n")
    assert (seen.method, seen.target, seen.json["model"]) == (
        "POST",
        "/v1/chat/completions?a",
        "m",
    )
    assert seen.values("x-a") == ["1"]
    assert not provider.errors
