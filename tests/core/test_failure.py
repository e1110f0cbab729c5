"""The vocabulary of failures: the table is complete, and policy words name what they say."""

import pytest

from proxy.core.failure import (
    ELSEWHERE,
    TRAITS,
    WORDS,
    Exhausted,
    Failure,
    FailureKind,
    Unfit,
    expand,
    matches,
)

TIMEOUTS = {kind for kind in FailureKind if kind.startswith("timeout.")}


def test_the_table_has_a_line_for_every_kind() -> None:
    assert list(TRAITS) == list(FailureKind)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_line_makes_sense(kind: FailureKind) -> None:
    traits = TRAITS[kind]
    assert 400 <= traits.status < 600
    assert traits.weight > 0
    assert traits.meaning
    assert traits.elsewhere or not traits.blame, "the app's own mistake is not held against anyone"


def test_the_apps_own_mistakes_lead_nowhere() -> None:
    assert set(FailureKind) - ELSEWHERE == {FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER}


def test_what_says_nothing_of_a_targets_health_is_not_held_against_it() -> None:
    innocent = {kind for kind, traits in TRAITS.items() if not traits.blame}
    assert innocent == {
        FailureKind.RATE_LIMIT,
        FailureKind.MODEL_NOT_FOUND,
        FailureKind.CONTEXT_LENGTH,
        FailureKind.CONTENT_FILTER,
        FailureKind.BAD_REQUEST,
        FailureKind.CIRCUIT_OPEN,
        FailureKind.LIMIT,
    }


def test_no_stored_answer_stands_in_for_a_no() -> None:
    """RFC 5861 4: stale-if-error is for errors of reach, not for 401, 403 or 400."""
    assert not any(
        TRAITS[kind].stale
        for kind in (FailureKind.AUTH, FailureKind.QUOTA, FailureKind.BAD_REQUEST)
    )


def test_a_word_matches_itself_its_children_and_all() -> None:
    assert matches("timeout", FailureKind.TIMEOUT_IDLE)
    assert matches("timeout.idle", FailureKind.TIMEOUT_IDLE)
    assert matches("all", FailureKind.TIMEOUT_IDLE)
    assert not matches("timeout.total", FailureKind.TIMEOUT_IDLE)
    assert not matches("time", FailureKind.TIMEOUT_IDLE), "the dot is where a word ends"
    assert not matches("unavail", FailureKind.UNAVAILABLE)


def test_words_expand_to_kinds() -> None:
    assert expand(("all",)) == set(FailureKind)
    assert expand(("timeout",)) == TIMEOUTS
    assert expand(("quota", "timeout.idle")) == {FailureKind.QUOTA, FailureKind.TIMEOUT_IDLE}
    assert expand(()) == set()


def test_every_word_of_a_policy_names_something() -> None:
    assert all(expand((word,)) for word in WORDS)
    assert len(WORDS) == len(set(WORDS)) == len(FailureKind) + 2


def test_a_failure_says_where_and_with_which_status() -> None:
    failure = Failure(FailureKind.UNAVAILABLE, "overloaded", target="openai", status=529)
    assert str(failure) == "openai: unavailable (529): overloaded"
    assert str(Failure(FailureKind.NETWORK, "reset")) == "network: reset"
    assert failure.traits is TRAITS[FailureKind.UNAVAILABLE]


def test_unfit_was_never_sent() -> None:
    assert not Unfit("it speaks another dialect").sent


def test_exhausted_tells_the_last_kind_and_the_shortest_wait() -> None:
    failures = (
        Failure(FailureKind.RATE_LIMIT, "slow down", target="a", retry_after_s=30.0),
        Failure(FailureKind.CIRCUIT_OPEN, "open", target="b", retry_after_s=5.0, sent=False),
        Failure(FailureKind.AUTH, "no", target="c", sent=False),
    )
    exhausted = Exhausted(failures)
    assert exhausted.failures == failures
    assert exhausted.kind is FailureKind.AUTH
    assert exhausted.retry_after_s == 5.0
    assert exhausted.sent, "one of them was"
    assert exhausted.refusal is None
    for failure in failures:
        assert str(failure) in exhausted.message


def test_exhausted_names_no_wait_where_nobody_named_one() -> None:
    exhausted = Exhausted((Failure(FailureKind.NETWORK, "reset", sent=False),) * 2)
    assert exhausted.retry_after_s is None
    assert not exhausted.sent
