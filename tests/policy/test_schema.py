"""The JSON Schema says of every key what it means, and what it is when it is left out."""

from typing import Any

import pytest

from proxy.core.failure import FailureKind
from proxy.policy.editor import json_schema
from proxy.policy.schema import Retry, Timeout
from proxy.policy.words import spell


def objects(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    return {**found, "file": schema}


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert len(objects(schema)) > 10
    for name, part in objects(schema).items():
        assert part["additionalProperties"] is False, name
        assert part["description"], name
        for key, about in part["properties"].items():
            assert about.get("description"), f"{name}.{key}"


def test_defaults_are_said_as_a_file_would() -> None:
    parts = json_schema()["$defs"]
    assert parts["Timeout"]["properties"]["first_byte"]["default"] == "1m"
    assert parts["Backoff"]["properties"]["initial"]["default"] == "500ms"
    assert parts["Cache"]["properties"]["stale_if_error"]["default"] == "0"
    assert parts["Retry"]["properties"]["on"]["default"] == ["network", "rate_limit", "unavailable"]
    assert parts["Breaker"]["properties"]["consecutive"] == {
        "default": 5,
        "description": "As many failures in a row open it too.",
        "minimum": 1,
        "title": "Consecutive",
        "type": "integer",
    }


def test_short_forms_are_allowed() -> None:
    parts = json_schema()["$defs"]
    targets = parts["RouteSettings"]["properties"]["targets"]["items"]
    assert targets == {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/TargetSettings"}]}
    operation = parts["MatchSettings"]["properties"]["operation"]["anyOf"]
    assert {"$ref": "#/$defs/Operation"} in operation


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0"), (0.25, "250ms"), (1.5, "1500ms"), (90.0, "90s"), (120.0, "2m"), (7200.0, "2h")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert spell(seconds) == text


def test_code_gives_seconds_and_kinds() -> None:
    assert Timeout(idle=2.5).idle == 2.5
    assert Retry(on=frozenset((FailureKind.QUOTA,))).on == {FailureKind.QUOTA}
