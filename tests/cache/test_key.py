"""Two calls share a key only when nothing about them could make their answers differ."""

from collections.abc import Iterator

from hypothesis import assume, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.cache.key import KEY_BYTES, exact_key
from tests.cache.parts import call_for
from tests.clock import FalseClock

CREDENTIALS = frozenset(("authorization", "api-key"))
CALL = call_for(FalseClock())
words = st.text(st.characters(codec=None), max_size=8)
fields = st.sampled_from(
    ("Authorization", "api-key", "Accept", "accept-encoding", "OpenAI-Beta", "anthropic-version")
)
parts = st.fixed_dictionaries(
    {
        "plan": words,
        "method": words,
        "upstream": words,
        "path": words,
        "body": st.binary(max_size=8),
        "headers": st.lists(st.tuples(fields, words), max_size=3),
    }
)


def key_of(parts: dict[str, object]) -> bytes:
    changes = {**parts, "headers": CIMultiDict(parts["headers"])}
    return exact_key(
        CALL.but(**{k: v for k, v in changes.items() if k != "plan"}), CREDENTIALS, parts["plan"]
    )


def meaning(parts: dict[str, object]) -> dict[str, object]:
    """The parts, with header names as HTTP compares them."""
    by_name = sorted(((name.lower(), value) for name, value in parts["headers"]), key=_name)
    return {**parts, "headers": by_name}


def _name(field: tuple[str, str]) -> str:
    return field[0]


@given(parts, parts)
def test_keys_are_equal_exactly_when_all_parts_are(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert (key_of(one) == key_of(other)) == (meaning(one) == meaning(other))


@given(parts, parts, st.sampled_from(("plan", "method", "upstream", "path", "body", "headers")))
def test_any_part_alone_makes_another_key(
    one: dict[str, object], other: dict[str, object], part: str
) -> None:
    changed = {**one, part: other[part]}
    assume(meaning(changed) != meaning(one))
    assert key_of(changed) != key_of(one)


def _splits(text: str) -> Iterator[tuple[str, str]]:
    return ((text[:cut], text[cut:]) for cut in range(len(text) + 1))


def test_parts_never_run_into_each_other() -> None:
    keys = {
        exact_key(CALL.but(upstream=left, path=right), CREDENTIALS, "")
        for left, right in _splits("openai/v1/chat")
    }
    assert len(keys) == len("openai/v1/chat") + 1
    in_body = CALL.but(path="/v1", body=b"/chat{}")
    assert exact_key(in_body, CREDENTIALS, "") != exact_key(
        CALL.but(path="/v1/chat", body=b"{}"), CREDENTIALS, ""
    )


def test_what_cannot_change_an_answer_makes_no_difference() -> None:
    plain = CALL.but(headers=CIMultiDict({"Accept": "*/*", "Authorization": "k"}))
    noisy = CALL.but(
        id="2",
        headers=CIMultiDict(
            {
                "authorization": "k",
                "User-Agent": "x",
                "x-stainless-retry-count": "1",
                "accept": "*/*",
            }
        ),
    )
    assert exact_key(plain, CREDENTIALS, "p") == exact_key(noisy, CREDENTIALS, "p")


def test_the_order_of_repeated_fields_is_part_of_the_key() -> None:
    one = CIMultiDict([("OpenAI-Beta", "a"), ("OpenAI-Beta", "b")])
    other = CIMultiDict([("OpenAI-Beta", "b"), ("OpenAI-Beta", "a")])
    assert exact_key(CALL.but(headers=one), CREDENTIALS, "") != exact_key(
        CALL.but(headers=other), CREDENTIALS, ""
    )


def test_a_key_shows_no_credential() -> None:
    key = exact_key(CALL.but(headers=CIMultiDict({"api-key": "canary"})), CREDENTIALS, "p")
    assert len(key) == KEY_BYTES
    assert b"canary" not in key
