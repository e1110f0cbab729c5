"""The table of faults has every fault there is, and a provider that has none does no harm."""

from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import orjson

import proxy.drill.faults
from proxy.drill.faults.table import ABSENCES, FAULTS, HARMLESS, OWN_MISTAKES
from proxy.drill.server.turn import Fault
from tests.provider import Provider

NO_FAULTS = {"__init__", "canned", "good", "table", "too_large"}
"""What tests use by itself."""

PLAYED = {**FAULTS, **OWN_MISTAKES, **HARMLESS}
ALL = {**PLAYED, **ABSENCES}


def test_every_file_of_a_fault_has_a_line_in_the_table() -> None:
    files = {file.stem for file in Path(proxy.drill.faults.__path__[0]).glob("*.py")}
    modules = {type(fault).__module__.rpartition(".")[2] for fault in ALL.values()}
    assert modules == files - NO_FAULTS


def test_every_fault_can_be_played() -> None:
    for name, fault in PLAYED.items():
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
