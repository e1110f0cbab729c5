"""How long is waited, and when it is not worth waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.clock import SystemDice
from proxy.core.failure import FailureKind
from proxy.policy.schema import Backoff, Retry
from proxy.resilience.backoff import decide, jittered
from tests.clock import LoadedDice
from tests.resilience.parts import failed

HIGH, LOW = LoadedDice(1.0), LoadedDice(0.0)


@pytest.mark.parametrize(("retry", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (9, 8.0)])
def test_the_bound_doubles_up_to_its_maximum(retry: int, ceiling: float) -> None:
    backoff = Backoff(initial=0.5, factor=2.0, max=8.0)
    assert jittered(backoff, retry, HIGH) == ceiling
    assert jittered(backoff, retry, LOW) == 0.0, "full jitter begins at nothing"


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
    assert decide(settings, failed(), 2, HIGH) is not None
    assert decide(settings, failed(), 3, HIGH) is None
    assert decide(Retry(attempts=1), failed(), 1, HIGH) is None


@pytest.mark.parametrize("kind", FailureKind)
def test_only_the_kinds_that_the_policy_names_are_tried_again(kind: FailureKind) -> None:
    settings = Retry(attempts=2, on=frozenset((FailureKind.QUOTA,)))
    assert (decide(settings, failed(kind), 1, HIGH) is not None) is (kind is FailureKind.QUOTA)


def test_by_default_only_passing_trouble_is_tried_again() -> None:
    tried = {kind for kind in FailureKind if decide(Retry(), failed(kind), 1, HIGH) is not None}
    assert tried == {FailureKind.RATE_LIMIT, FailureKind.UNAVAILABLE, FailureKind.NETWORK}


def test_a_providers_wish_is_a_lower_bound() -> None:
    settings = Retry(retry_after_max=10.0)
    assert decide(settings, failed(retry_after_s=3.0), 1, HIGH) == 3.0
    assert decide(settings, failed(retry_after_s=0.1), 1, HIGH) == 0.5, "not an upper one"
    assert decide(settings, failed(retry_after_s=0.0), 1, LOW) == 0.0


def test_a_longer_wish_than_we_wait_for_ends_the_retrying() -> None:
    settings = Retry(retry_after_max=10.0)
    assert decide(settings, failed(retry_after_s=10.0), 1, HIGH) == 10.0
    assert decide(settings, failed(retry_after_s=10.001), 1, HIGH) is None
    assert decide(settings, failed(retry_after_s=73_192.0), 1, HIGH) is None
