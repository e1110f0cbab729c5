"""The first route that fits governs, and the others can say why they do not."""

import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.policy.match import find_route, why_not
from tests.policy.loading import loaded

SNAPSHOT = loaded("""
version: 1
upstreams:
  a: {dialect: openai, url: http://a}
  b: {dialect: openai, url: http://b}
  c: {dialect: openai, url: http://c}
routes:
  - {name: team, match: {headers: {X-Team: [search, "ads-*"], x-tier: gold}}, targets: [a]}
  - {name: models, match: {upstream: a, operation: chat, model: ["gpt-4*", o1]}, targets: [a]}
  - {name: any-model, match: {upstream: a, operation: [chat, models], model: "*"}, targets: [a]}
  - {name: either, match: {upstream: [a, b]}, targets: [a]}
""")


@pytest.mark.parametrize(
    ("upstream", "operation", "model", "headers", "name"),
    [
        ("a", Operation.CHAT, "gpt-4o", {}, "models"),
        ("a", Operation.CHAT, "gpt-4", {}, "models"),
        ("a", Operation.CHAT, "o1", {}, "models"),
        ("a", Operation.CHAT, "o1-mini", {}, "any-model"),
        ("a", Operation.CHAT, "GPT-4", {}, "any-model"),
        ("a", Operation.CHAT, "my-gpt-4", {}, "any-model"),
        ("a", Operation.MODELS, None, {}, "any-model"),
        ("a", Operation.OTHER, None, {}, "either"),
        ("b", Operation.CHAT, "gpt-4o", {}, "either"),
        ("c", Operation.CHAT, "gpt-4o", {}, None),
        ("c", Operation.OTHER, None, {"x-team": "search", "X-TIER": "gold"}, "team"),
        ("c", Operation.OTHER, None, {"x-team": "ads-eu", "x-tier": "gold"}, "team"),
        ("c", Operation.OTHER, None, {"x-team": "Search", "x-tier": "gold"}, None),
        ("c", Operation.OTHER, None, {"x-team": "search"}, None),
    ],
)
def test_first_match_wins(
    upstream: str, operation: Operation, model: str | None, headers: dict[str, str], name: str
) -> None:
    fields = CIMultiDict(headers)
    found = find_route(SNAPSHOT, upstream, operation, model, fields)
    assert (found.name if found else None) == name
    for route in SNAPSHOT.routes:
        reason = why_not(route, upstream, operation, model, fields)
        if found is route:
            assert reason == ""
            break
        assert reason


def test_any_of_a_repeated_headers_values_will_do() -> None:
    fields = CIMultiDict([("x-team", "x"), ("X-Team", "search"), ("x-tier", "gold")])
    found = find_route(SNAPSHOT, "c", Operation.OTHER, None, fields)
    assert found is SNAPSHOT.routes[0]


def test_reasons_are_in_words() -> None:
    team, models, _, either = SNAPSHOT.routes
    none: CIMultiDict[str] = CIMultiDict()
    chat, other = Operation.CHAT, Operation.OTHER
    assert why_not(models, "a", chat, "gpt-3.5", none) == "model is gpt-3.5, wants gpt-4* or o1"
    assert why_not(models, "a", chat, None, none) == "model is not known, wants gpt-4* or o1"
    assert why_not(models, "a", other, None, none) == "operation is other, wants chat"
    assert why_not(either, "c", other, None, none) == "upstream is c, wants a or b"
    assert why_not(team, "c", other, None, none) == (
        "header x-team is absent, wants search or ads-*"
    )
    fields = CIMultiDict({"x-team": "search", "x-tier": "tin"})
    assert why_not(team, "c", other, None, fields) == "header x-tier is tin, wants gold"
