"""What is left of a provider's rate limits: told, counted down, and not trusted for too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.allowance import Allowance
from proxy.resilience.standing.quota import GUESSED_S, TRUSTED_S, Quota
from tests.clock import FalseClock


def _told(
    remaining: int, limit: int | None = 100, reset_s: float | None = 60.0, of: str = "requests"
) -> tuple[Allowance, ...]:
    return (Allowance(of, remaining, limit, reset_s),)


ROUNDING_S = 1e-6
"""Of a clock that counts from far away."""


class Stage:
    def __init__(self) -> None:
        self.clock = FalseClock()
        self.quota = Quota(self.clock)

    def learn(
        self,
        remaining: int,
        limit: int | None = 100,
        reset_s: float | None = 60.0,
        of: str = "requests",
    ) -> None:
        self.quota.learn(_told(remaining, limit, reset_s, of))


def test_who_tells_nothing_has_no_limit() -> None:
    stage = Stage()
    for _ in range(1000):
        stage.quota.take(1000)
        stage.quota.learn(())
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)


def test_nothing_is_left_until_the_limit_is_reset() -> None:
    stage = Stage()
    stage.learn(0, reset_s=20.0)
    assert (stage.quota.spent_s, stage.quota.share) == (20.0, 0.0)
    stage.clock.pass_time(19.0)
    assert stage.quota.spent_s == 1.0
    stage.clock.pass_time(1.0)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)


def test_between_two_answers_our_own_calls_count() -> None:
    stage = Stage()
    stage.learn(3)
    for _ in range(2):
        stage.quota.take(0)
    assert stage.quota.spent_s is None
    assert stage.quota.share == 0.01
    stage.quota.take(0)
    assert stage.quota.spent_s == 60.0
    stage.learn(50)
    assert stage.quota.spent_s is None, "the provider's word counts for more than ours"


def test_an_answer_knows_nothing_of_what_was_sent_after_its_request() -> None:
    """Ten are in flight; the first that comes back says that nine are left. None is."""
    stage = Stage()
    moments = [stage.quota.take(0) for _ in range(10)]
    stage.quota.learn(_told(9, limit=10), moments[0])
    assert stage.quota.spent_s == 60.0
    stage.quota.learn(_told(5, limit=10), moments[4])
    assert stage.quota.spent_s == 60.0


def test_answers_that_overtake_one_another() -> None:
    stage = Stage()
    first, second = stage.quota.take(0), stage.quota.take(0)
    stage.quota.learn(_told(0, limit=10), second)
    stage.quota.learn(_told(1, limit=10), first)
    assert stage.quota.spent_s == 60.0, "the later request's answer knows better"
    stage.clock.pass_time(60.0)
    stage.quota.learn(_told(1, limit=10), first)
    assert stage.quota.share == 0.0, "late, and one was sent since"


def test_tokens_are_counted_by_what_calls_are_thought_to_take() -> None:
    stage = Stage()
    stage.learn(10_000, limit=20_000, of="tokens")
    stage.learn(500, limit=1000, of="output-tokens")
    stage.quota.take(4000)
    assert stage.quota.share == 0.3
    stage.quota.take(7000)
    assert (stage.quota.spent_s, stage.quota.share) == (60.0, 0.0)


@pytest.mark.parametrize("of", ["tokens", "input-tokens", "output-tokens"])
def test_a_few_tokens_are_none(of: str) -> None:
    stage = Stage()
    stage.learn(900, limit=100_000, reset_s=7.0, of=of)
    assert stage.quota.spent_s == 7.0
    stage.learn(1000, limit=100_000, of=of)
    assert stage.quota.spent_s is None
    stage.learn(1, limit=None, of=of)
    assert stage.quota.spent_s is None, "a few of how many?"
    stage.learn(1, limit=100_000, of="requests")
    assert stage.quota.spent_s is None, "one request is one"


def test_the_scarcest_limit_counts_and_the_last_to_be_reset() -> None:
    stage = Stage()
    stage.learn(50, reset_s=1.0)
    stage.learn(300, limit=1000, of="tokens")
    assert stage.quota.share == 0.3
    stage.learn(0, reset_s=1.0)
    stage.learn(0, limit=1000, reset_s=40.0, of="tokens")
    assert stage.quota.spent_s == 40.0


def test_a_large_request_that_is_refused_uses_nothing_up() -> None:
    """Anthropic and OpenAI refuse one that is larger than the limit with remaining == limit, and a
    reset in 1970."""
    stage = Stage()
    stage.learn(100, limit=100, reset_s=-1_800_000_000.0)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)


def test_a_reset_in_the_past_is_none() -> None:
    stage = Stage()
    stage.learn(0, reset_s=-1_800_000_000.0)
    assert stage.quota.spent_s is None
    stage.learn(0, reset_s=0.0)
    assert stage.quota.spent_s is None


def test_without_a_reset_nothing_is_left_for_a_moment_only() -> None:
    stage = Stage()
    stage.learn(0, reset_s=None)
    assert stage.quota.spent_s == GUESSED_S
    stage.clock.pass_time(GUESSED_S)
    assert stage.quota.spent_s is None


def test_a_date_far_off_is_not_believed() -> None:
    stage = Stage()
    stage.learn(0, reset_s=1e12)
    assert stage.quota.spent_s == TRUSTED_S


def test_less_than_nothing_is_no_number() -> None:
    stage = Stage()
    stage.learn(-1)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)
    stage.learn(10, limit=-1)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)
    stage.learn(10, limit=0)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0)


def test_more_than_the_limit_is_all_of_it() -> None:
    stage = Stage()
    stage.learn(200, limit=100)
    assert stage.quota.share == 1.0


def test_a_refusal_holds_for_as_long_as_it_says() -> None:
    stage = Stage()
    stage.quota.refused(20.0)
    assert (stage.quota.spent_s, stage.quota.share) == (20.0, 0.0)
    stage.quota.refused(3.0)
    assert stage.quota.spent_s == 20.0, "never shortened by a later word"
    stage.clock.pass_time(10.0)
    stage.quota.refused(30.0)
    assert stage.quota.spent_s == 30.0, "but extended"
    stage.learn(90)
    assert stage.quota.spent_s == 30.0
    stage.clock.pass_time(30.0)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 0.9)


def test_a_refusal_for_a_day_is_asked_about_once_an_hour() -> None:
    stage = Stage()
    stage.quota.refused(73_192.0)
    assert stage.quota.spent_s == TRUSTED_S


ALLOWANCES = st.builds(
    Allowance,
    st.sampled_from(["requests", "tokens", "input-tokens", "output-tokens"]),
    st.integers(-(10**15), 10**15),
    st.none() | st.integers(-5, 10**15),
    st.none() | st.floats(-1e12, 1e12),
)
STEPS = st.lists(
    st.one_of(
        st.lists(ALLOWANCES, max_size=4).map(tuple),
        st.integers(0, 10**6),
        st.floats(0.0, 7200.0),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_is_told_it_is_a_share_and_passes(
    steps: list[tuple[Allowance, ...] | int | float],
) -> None:
    stage = Stage()
    for step in steps:
        if isinstance(step, tuple):
            stage.quota.learn(step)
        elif isinstance(step, int):
            stage.quota.take(step)
        else:
            stage.clock.pass_time(step)
        assert 0.0 <= stage.quota.share <= 1.0
        spent_s = stage.quota.spent_s
        assert spent_s is None or 0.0 < spent_s <= TRUSTED_S + ROUNDING_S
    stage.clock.pass_time(TRUSTED_S + ROUNDING_S)
    assert (stage.quota.spent_s, stage.quota.share) == (None, 1.0), "nothing is for ever"
