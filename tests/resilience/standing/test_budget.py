"""How many extra calls an upstream has to bear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.schema import Budget as Settings
from proxy.resilience.standing.budget import SECONDS, Budget
from tests.clock import FalseClock

STRICT = Settings(ratio=0.2, min_per_second=0.0)


def _withdrawn(budget: Budget, most: int = 10_000) -> int:
    """How many extra calls are allowed at this moment."""
    return next(count for count in range(most) if not budget.withdraw())


@pytest.mark.parametrize(("requests", "extras"), [(0, 0), (4, 0), (5, 1), (9, 1), (100, 20)])
def test_extra_calls_are_a_share_of_the_requests(requests: int, extras: int) -> None:
    budget = Budget(FalseClock(), STRICT)
    for _ in range(requests):
        budget.deposit()
    assert _withdrawn(budget) == extras


def test_some_are_allowed_however_few_requests_there_are() -> None:
    clock = FalseClock()
    budget = Budget(clock, Settings(ratio=0.2, min_per_second=1.5))
    assert _withdrawn(budget) == 15
    clock.pass_time(SECONDS - 1)
    assert _withdrawn(budget) == 0
    clock.pass_time(1)
    assert _withdrawn(budget) == 15


def test_requests_count_for_as_long_as_the_extra_calls_that_they_allowed() -> None:
    clock = FalseClock()
    budget = Budget(clock, STRICT)
    for _ in range(50):
        budget.deposit()
    clock.pass_time(SECONDS - 1)
    assert _withdrawn(budget) == 10
    clock.pass_time(1)
    for _ in range(50):
        budget.deposit()
    assert _withdrawn(budget) == 0, "the ten of a second ago are not forgotten"
    clock.pass_time(SECONDS - 1)
    assert _withdrawn(budget) == 10


def test_a_long_silence_forgets_everything() -> None:
    clock = FalseClock()
    budget = Budget(clock, STRICT)
    for _ in range(500):
        budget.deposit()
    clock.pass_time(86_400.5)
    assert _withdrawn(budget) == 0


def test_other_settings_hold_at_once_and_nothing_is_forgotten() -> None:
    budget = Budget(FalseClock(), STRICT)
    for _ in range(100):
        budget.deposit()
    assert _withdrawn(budget) == 20
    budget.settings = Settings(ratio=0.5, min_per_second=0.0)
    assert _withdrawn(budget) == 30
    budget.settings = Settings(ratio=0.0, min_per_second=0.0)
    assert _withdrawn(budget) == 0


def test_how_much_of_it_is_spent() -> None:
    clock = FalseClock()
    budget = Budget(clock, STRICT)
    assert budget.spent == 1.0, "nothing is allowed, and nothing is left"
    for _ in range(50):
        budget.deposit()
    assert budget.spent == 0.0
    assert budget.withdraw()
    assert budget.spent == 0.1
    clock.pass_time(SECONDS)
    budget.settings = Settings(ratio=0.2, min_per_second=1.0)
    assert budget.spent == 0.0
    assert budget.withdraw()
    budget.settings = STRICT
    assert budget.spent == 1.0


STEPS = st.lists(
    st.one_of(
        st.just("request"),
        st.just("extra"),
        st.floats(min_value=0.0, max_value=25.0, allow_nan=False),
    ),
    max_size=200,
)


@given(STEPS, st.floats(0.0, 1.0), st.sampled_from([0.0, 0.1, 0.35, 2.0]))
def test_whatever_happens_it_is_never_more_than_its_share(
    steps: list[str | float], ratio: float, floor: float
) -> None:
    """Checked against all that was ever done, kept in full."""
    clock = FalseClock(now=1000.0)
    budget = Budget(clock, Settings(ratio=ratio, min_per_second=floor))
    requests: list[int] = []
    extras: list[int] = []
    for step in steps:
        second = int(clock.now())
        if step == "request":
            budget.deposit()
            requests.append(second)
        elif step == "extra":
            asked_of = len([at for at in requests if at > second - SECONDS])
            made = len([at for at in extras if at > second - SECONDS])
            allowed = made + 1 <= ratio * asked_of + floor * SECONDS
            assert budget.withdraw() is allowed
            if allowed:
                extras.append(second)
        else:
            assert isinstance(step, float)
            clock.pass_time(step)
    if floor == 0.0:
        assert len(extras) <= ratio * len(requests) + 1e-9, "over all time too"
