"""How long is waited, and when it is not worth waiting."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.clock import Dice, SystemDice
from proxy.core.event import NoRetry
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Backoff, Retry
from proxy.resilience.attempt.backoff import Another, decide, jittered
from tests.clock import LoadedDice
from tests.resilience.parts import failed

HIGH, LOW = LoadedDice(1.0), LoadedDice(0.0)


def _decide(
    settings: Retry, failure: Failure, attempt: int = 1, dice: Dice = HIGH, left_s: float = inf
) -> Another | None:
    return decide(settings, failure, attempt, left_s, dice)


@pytest.mark.parametrize(("retry", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (9, 8.0)])
def test_the_bound_doubles_up_to_its_maximum(retry: int, ceiling: float) -> None:
    backoff = Backoff(initial=0.5, factor=2.0, max=8.0)
    assert jittered(backoff, retry, HIGH) == ceiling
    assert jittered(backoff, retry, LOW) == 0.0, "full jitter begins at nothing"


def test_it_is_its_maximum_also_when_no_number_is_large_enough() -> None:
    assert jittered(Backoff(initial=0.5, factor=2.0, max=8.0), 5000, HIGH) == 8.0


@given(st.integers(1, 200), st.integers(0, 2**32), st.floats(1, 10))
def test_a_wait_is_always_within_its_bounds(retry: int, seed: int, factor: float) -> None:
    backoff = Backoff(initial=0.5, factor=factor, max=8.0)
    assert 0.0 <= jittered(backoff, retry, SystemDice(seed)) <= min(8.0, 0.5 * factor**retry)


def test_waits_are_spread_over_all_of_the_bound() -> None:
    """Without spread, all who failed together come back together."""
    dice = SystemDice(3)
    waits = [jittered(Backoff(initial=1.0), 1, dice) for _ in range(1000)]
    tenths = {int(wait * 10) for wait in waits}
    assert tenths == set(range(10))
    assert 0.45 < sum(waits) / len(waits) < 0.55


def test_no_more_attempts_than_allowed() -> None:
    settings = Retry(attempts=3)
    assert _decide(settings, failed(), 2) == Another(1.0)
    assert _decide(settings, failed(), 3) == Another(0.0, NoRetry.ATTEMPTS)
    assert _decide(Retry(attempts=1), failed()) is None, "where none is wanted, none is refused"


def _is_due(settings: Retry, failure: Failure) -> bool:
    another = _decide(settings, failure)
    return another is not None and another.refused is None


@pytest.mark.parametrize("kind", FailureKind)
def test_only_the_kinds_that_the_policy_names_are_tried_again(kind: FailureKind) -> None:
    settings = Retry(attempts=2, on=frozenset((FailureKind.QUOTA,)))
    assert _is_due(settings, failed(kind)) is (kind is FailureKind.QUOTA)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (FailureKind.AUTH, Another(0.0, NoRetry.KIND)),
        (FailureKind.TIMEOUT_FIRST_BYTE, Another(0.0, NoRetry.KIND)),
        (FailureKind.BAD_REQUEST, None),
        (FailureKind.CONTENT_FILTER, None),
        (FailureKind.CIRCUIT_OPEN, None),
        (FailureKind.LIMIT, None),
    ],
)
def test_what_is_not_tried_again_is_told_where_it_could_have_been(
    kind: FailureKind, told: Another | None
) -> None:
    assert _decide(Retry(), failed(kind)) == told
    assert _decide(Retry(attempts=1), failed(kind)) is None


def test_by_default_only_passing_trouble_is_tried_again() -> None:
    """Not who was silent: whoever waits for it once more waits twice as long."""
    tried = {kind for kind in FailureKind if _is_due(Retry(), failed(kind))}
    assert tried == {FailureKind.RATE_LIMIT, FailureKind.UNAVAILABLE, FailureKind.NETWORK}


def test_a_providers_wish_is_a_lower_bound() -> None:
    settings = Retry(retry_after_max=10.0)
    assert _decide(settings, failed(retry_after_s=3.0)) == Another(3.0)
    assert _decide(settings, failed(retry_after_s=0.1)) == Another(0.5), "not an upper one"
    assert _decide(settings, failed(retry_after_s=0.0), dice=LOW) == Another(0.0)


@pytest.mark.parametrize("wish_s", [10.001, 3600.0, 73_192.0])
def test_a_longer_wish_than_we_wait_for_ends_the_retrying(wish_s: float) -> None:
    settings = Retry(retry_after_max=10.0)
    assert _decide(settings, failed(retry_after_s=10.0)) == Another(10.0)
    assert _decide(settings, failed(retry_after_s=wish_s)) == Another(wish_s, NoRetry.TIME)


@pytest.mark.parametrize(("left_s", "refused"), [(3.001, None), (3.0, NoRetry.TIME)])
def test_no_wait_that_leaves_no_time_for_an_answer(left_s: float, refused: NoRetry | None) -> None:
    settings = Retry(backoff=Backoff(initial=3.0))
    for failure in (failed(), failed(retry_after_s=3.0)):
        assert _decide(settings, failure, left_s=left_s) == Another(3.0, refused)


@pytest.mark.parametrize(("word", "again"), [(False, False), (True, True), (None, True)])
def test_a_provider_that_says_that_it_will_do_no_better_is_believed(
    word: bool | None, again: bool
) -> None:
    """Anthropic says so of a request that is larger than its limit, with a 429."""
    failure = failed(FailureKind.RATE_LIMIT, should_retry=word)
    assert _is_due(Retry(), failure) is again
    assert not _is_due(Retry(), failed(FailureKind.AUTH, should_retry=True))
