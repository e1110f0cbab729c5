"""For each route a request that it governs is found, or it is said why there is none."""

import pytest

from proxy.core.call import Operation
from proxy.drill.find import subjects
from tests.drill.policies import UPSTREAMS, found, loaded, route


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ('"gpt-4*"', "gpt-4o-mini"),
        ('"vendor/*-large"', "vendor/-large"),
        ('"o[134]-?"', "o1-x"),
        ('"[!g]pt"', "xpt"),
        ('["nobody", "gpt-*"]', "gpt-4o-mini"),
    ],
)
def test_a_model_that_the_route_matches(model: str, asked: str) -> None:
    subject = found(route(match=f"{{upstream: first, operation: chat, model: {model}}}"))[0]
    assert (subject.name, subject.model) == ("chat", asked)


def test_headers_and_operations_that_the_route_matches() -> None:
    match = '{operation: [embeddings, completions], headers: {x-team: "search-*"}}'
    subject = found(route(match=match))[0]
    assert subject.operation is Operation.COMPLETIONS
    assert subject.called == "first"
    assert ("x-team", "search-") in subject.asking(stream=False).fields


def test_a_route_that_another_hides_is_not_played_and_that_is_said() -> None:
    text = UPSTREAMS + (
        "routes:\n"
        "  - {name: all, match: {upstream: [first, second]}, targets: [first]}\n"
        "  - {name: hidden, match: {upstream: first, operation: chat}, targets: [second]}\n"
    )
    played, notes = subjects(loaded(text), has_local=False)
    assert [subject.name for subject in played] == ["all"]
    assert notes == ("hidden: not played: found no request that this route governs",)


def test_upstreams_without_a_route_are_played_once_for_all_that_are_alike() -> None:
    text = UPSTREAMS + "  slow: {dialect: openai, url: https://a.test, timeout: {idle: 5m}}\n"
    played = found(loaded(text))
    assert [(subject.name, subject.alike) for subject in played] == [
        ("first/", ("second",)),
        ("slow/", ()),
    ]


@pytest.mark.parametrize("has_local", [False, True])
def test_local_can_be_led_to_where_vectors_can_be_made(has_local: bool) -> None:
    match = "{upstream: first, operation: embeddings}"
    snapshot = route(match=match, targets="[first, local, second]")
    (subject, *_), _ = subjects(snapshot, has_local=has_local)
    assert [(seat.name, seat.able) for seat in subject.seats] == [
        ("first", True),
        ("local", has_local),
        ("second", True),
    ]
    assert [seat.name for seat in subject.providers] == ["first", "second"]


def test_a_mode_leaves_out_whom_it_does_not_allow() -> None:
    text = "mode: device_only" + UPSTREAMS.replace("first: {", "first: {tier: device, ")
    assert [subject.name for subject in found(loaded(text))] == ["first/"]
