"""The breaker: when it trips, whom it lets through, and what does not count."""

import pytest

from proxy.core.event import BreakerMoved
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.breaker import Breaker, Permit
from tests.calls import Heard
from tests.clock import FalseClock


class Stage:
    """A breaker and what is done with it."""

    def __init__(self, **settings: object) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        self.breaker = Breaker("openai", Settings(**settings), self.clock, self.heard)

    @property
    def state(self) -> str:
        return self.breaker.state

    def succeed(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.permit().succeeded()

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.permit().failed()

    def refused(self) -> Failure:
        with pytest.raises(Failure) as caught:
            self.breaker.permit()
        assert caught.value.kind is FailureKind.CIRCUIT_OPEN
        return caught.value

    @property
    def moves(self) -> list[tuple[str, str]]:
        moved = [event for event in self.heard.events if isinstance(event, BreakerMoved)]
        return [(event.before, event.after) for event in moved]


def _open(**settings: object) -> Stage:
    stage = Stage(consecutive=3, open=30.0, **settings)
    stage.fail(3)
    assert stage.state == "open"
    return stage


def _half_open(**settings: object) -> tuple[Stage, Permit]:
    stage = _open(**settings)
    stage.clock.pass_time(30.0)
    return stage, stage.breaker.permit()


def test_failures_in_a_row_open_it() -> None:
    stage = Stage(consecutive=3)
    stage.fail(2)
    assert stage.state == "closed"
    stage.fail()
    assert stage.state == "open"
    assert stage.breaker.opened_count == 1


def test_a_success_between_them_begins_the_row_anew() -> None:
    stage = Stage(consecutive=3, min_calls=100)
    for _ in range(5):
        stage.fail(2)
        stage.succeed()
    assert stage.state == "closed"


def test_a_high_rate_opens_it_once_there_are_enough_calls() -> None:
    stage = Stage(consecutive=100, min_calls=10, failure_rate=0.5)
    for _ in range(4):
        stage.fail()
        stage.succeed()
    assert stage.state == "closed", "8 calls are too few to have a rate"
    stage.succeed()
    stage.fail()
    assert stage.state == "open", "5 of 10"


def test_a_rate_below_the_threshold_does_not() -> None:
    stage = Stage(consecutive=100, min_calls=10, failure_rate=0.5)
    stage.succeed(20)
    stage.fail(19)
    assert stage.state == "closed"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    stage = Stage(consecutive=100, window=30.0, min_calls=10, failure_rate=0.5)
    stage.fail(9)
    stage.clock.pass_time(31.0)
    stage.fail(9)
    assert stage.state == "closed"
    stage.fail()
    assert stage.state == "open"


def test_what_says_nothing_of_the_upstream_counts_as_nothing() -> None:
    stage = Stage(consecutive=3, min_calls=4, failure_rate=0.5)
    stage.fail(2)
    for _ in range(50):
        stage.breaker.permit().ignored()
    assert stage.state == "closed"
    stage.fail()
    assert stage.state == "open", "and it does not break a row either"


def test_while_open_nobody_gets_through_and_everybody_learns_for_how_long() -> None:
    stage = _open()
    stage.clock.pass_time(10.0)
    refusal = stage.refused()
    assert refusal.retry_after_s == 20.0
    assert refusal.target == "openai"
    assert not refusal.sent
    assert "3 of 3 calls in 30 s failed" in refusal.message
    stage.clock.pass_time(19.999)
    assert stage.refused().retry_after_s == 1.0, "no less than a second: it is a promise to wait"
    assert stage.breaker.retry_after_s == pytest.approx(0.001)


def test_of_a_hundred_who_ask_when_the_time_is_up_one_may_probe() -> None:
    stage = _open()
    stage.clock.pass_time(30.0)
    permits, refusals = [], []
    for _ in range(100):
        try:
            permits.append(stage.breaker.permit())
        except Failure as failure:
            refusals.append(failure)
    assert len(permits) == 1
    assert len(refusals) == 99
    assert all(refusal.retry_after_s == 1.0 for refusal in refusals)
    assert stage.state == "half_open"
    assert stage.breaker.retry_after_s == 0.0


def test_as_many_probes_as_the_policy_says() -> None:
    stage, _ = _half_open(probes=3)
    stage.breaker.permit()
    stage.breaker.permit()
    stage.refused()


def test_a_probe_that_succeeds_closes_it_with_a_clean_slate() -> None:
    stage, probe = _half_open(min_calls=3)
    probe.succeeded()
    assert stage.state == "closed"
    stage.fail(2)
    assert stage.state == "closed", "what was before it opened is forgotten"
    stage.fail()
    assert stage.state == "open"
    assert stage.breaker.opened_count == 2


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    stage, probe = _half_open()
    stage.clock.pass_time(5.0)
    probe.failed()
    assert stage.state == "open"
    refusal = stage.refused()
    assert refusal.retry_after_s == 30.0
    assert "the probe failed" in refusal.message


def test_a_probe_that_says_nothing_leaves_its_place_to_the_next() -> None:
    stage, probe = _half_open()
    probe.ignored()
    assert stage.state == "half_open"
    following = stage.breaker.permit()
    stage.refused()
    following.succeeded()
    assert stage.state == "closed"


def test_a_permit_ends_once() -> None:
    stage = Stage(consecutive=2)
    permit = stage.breaker.permit()
    permit.ignored()
    for _ in range(5):
        permit.failed()
    assert stage.state == "closed"
    stage, probe = _half_open()
    probe.ignored()
    probe.ignored()
    stage.breaker.permit()
    stage.refused()


def test_stragglers_from_before_it_opened_say_nothing_of_later() -> None:
    stage = Stage(consecutive=3, open=30.0)
    old = [stage.breaker.permit() for _ in range(6)]
    stage.fail(3)
    old[0].succeeded()
    assert stage.state == "open", "a late success does not close it"
    old[1].failed()
    assert stage.breaker.opened_count == 1
    stage.clock.pass_time(30.0)
    probe = stage.breaker.permit()
    old[2].failed()
    old[3].ignored()
    assert stage.state == "half_open", "nor does a late failure speak for the probe"
    stage.refused()
    probe.succeeded()
    old[4].failed()
    old[5].succeeded()
    stage.fail(2)
    assert stage.state == "closed"


def test_a_late_probe_of_an_earlier_turn_frees_no_place_in_this_one() -> None:
    stage, first = _half_open(probes=2)
    second = stage.breaker.permit()
    first.failed()
    stage.clock.pass_time(30.0)
    stage.breaker.permit()
    second.ignored()
    stage.breaker.permit()
    stage.refused()


def test_a_probe_that_does_not_end_holds_up_nobody_for_longer_than_it_was_open() -> None:
    """An app that stops reading, or an answer of many minutes: neither may shut everybody out."""
    stage, slow = _half_open()
    stage.clock.pass_time(29.9)
    stage.refused()
    stage.clock.pass_time(0.1)
    second = stage.breaker.permit()
    stage.refused()
    slow.ignored()
    stage.refused()
    second.ignored()
    third = stage.breaker.permit()
    stage.refused()
    third.succeeded()
    assert stage.state == "closed"


def test_a_slow_probe_is_news_all_the_same() -> None:
    """Else an upstream whose answers take longer than it was left alone would never come back."""
    stage, slow = _half_open()
    stage.clock.pass_time(45.0)
    stage.breaker.permit()
    slow.succeeded()
    assert stage.state == "closed"
    stage, slow = _half_open()
    stage.clock.pass_time(45.0)
    stage.breaker.permit()
    slow.failed()
    assert stage.state == "open"


def test_everybody_is_told_of_each_change_of_state() -> None:
    stage, probe = _half_open()
    probe.failed()
    stage.clock.pass_time(30.0)
    stage.breaker.permit().succeeded()
    assert stage.moves == [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    ]
    reasons = [event.reason for event in stage.heard.events if isinstance(event, BreakerMoved)]
    assert reasons[0] == "3 of 3 calls in 30 s failed"
    assert reasons[2] == "the probe failed"
    assert stage.breaker.since == stage.clock.wall()


def test_new_settings_change_no_state() -> None:
    stage = Stage(consecutive=5, min_calls=100)
    stage.fail(3)
    stage.breaker.settings = Settings(consecutive=4, min_calls=100)
    assert stage.state == "closed"
    stage.fail()
    assert stage.state == "open", "the row goes on under the new limit"
    stage.breaker.settings = Settings(consecutive=50)
    assert stage.state == "open"
    stage.clock.pass_time(30.0)
    stage.breaker.permit().succeeded()
    stage.fail(9)
    assert stage.state == "closed"


def test_a_window_of_another_length_begins_empty() -> None:
    stage = Stage(consecutive=100, window=30.0, min_calls=10, failure_rate=0.5)
    stage.fail(9)
    stage.breaker.settings = Settings(consecutive=100, window=60.0, min_calls=10, failure_rate=0.5)
    stage.fail(9)
    assert stage.state == "closed"
    stage.clock.pass_time(50.0)
    stage.fail()
    assert stage.state == "open"
