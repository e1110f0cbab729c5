"""The breaker: when it trips, whom it lets through, and what does not count."""

import pytest

from proxy.core.event import BreakerMoved
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.standing.breaker import SLOWNESS, Breaker
from proxy.resilience.standing.permit import Permit
from proxy.resilience.standing.respite import LONGEST_HINT_S
from tests.calls import Heard
from tests.clock import FalseClock

DOWN = FailureKind.UNAVAILABLE


class Stage:
    """A breaker and what is done with it."""

    def __init__(self, **settings: object) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        self.breaker = Breaker("openai", Settings(**settings), self.clock, self.heard)

    @property
    def state(self) -> str:
        return self.breaker.state

    def succeed(self, times: int = 1, latency_s: float = 0.1) -> None:
        for _ in range(times):
            self.breaker.permit().succeeded(latency_s)

    def fail(self, times: int = 1, kind: FailureKind = DOWN, after_s: float | None = None) -> None:
        for _ in range(times):
            self.breaker.permit().failed(kind, 0.1, after_s)

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
    probe.succeeded(0.1)
    assert stage.state == "closed"
    stage.fail(2)
    assert stage.state == "closed", "what was before it opened is forgotten"
    stage.fail()
    assert stage.state == "open"
    assert stage.breaker.opened_count == 2


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    stage, probe = _half_open()
    stage.clock.pass_time(5.0)
    probe.failed(DOWN, 0.1)
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
    following.succeeded(0.1)
    assert stage.state == "closed"


def test_a_permit_ends_once() -> None:
    stage = Stage(consecutive=2)
    permit = stage.breaker.permit()
    permit.ignored()
    for _ in range(5):
        permit.failed(DOWN, 0.1)
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
    old[0].succeeded(0.1)
    assert stage.state == "open", "a late success does not close it"
    old[1].failed(DOWN, 0.1)
    assert stage.breaker.opened_count == 1
    stage.clock.pass_time(30.0)
    probe = stage.breaker.permit()
    old[2].failed(DOWN, 0.1)
    old[3].ignored()
    assert stage.state == "half_open", "nor does a late failure speak for the probe"
    stage.refused()
    probe.succeeded(0.1)
    old[4].failed(DOWN, 0.1)
    old[5].succeeded(0.1)
    stage.fail(2)
    assert stage.state == "closed"


def test_a_late_probe_of_an_earlier_turn_frees_no_place_in_this_one() -> None:
    stage, first = _half_open(probes=2)
    second = stage.breaker.permit()
    first.failed(DOWN, 0.1)
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
    third.succeeded(0.1)
    assert stage.state == "closed"


def test_a_slow_probe_is_news_all_the_same() -> None:
    """Else an upstream whose answers take longer than it was left alone would never come back."""
    stage, slow = _half_open()
    stage.clock.pass_time(45.0)
    stage.breaker.permit()
    slow.succeeded(0.1)
    assert stage.state == "closed"
    stage, slow = _half_open()
    stage.clock.pass_time(45.0)
    stage.breaker.permit()
    slow.failed(DOWN, 0.1)
    assert stage.state == "open"


def test_everybody_is_told_of_each_change_of_state() -> None:
    stage, probe = _half_open()
    probe.failed(DOWN, 0.1)
    stage.clock.pass_time(30.0)
    stage.breaker.permit().succeeded(0.1)
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
    stage.breaker.permit().succeeded(0.1)
    stage.fail(9)
    assert stage.state == "closed"


def test_a_window_of_another_length_forgets_nothing_that_belongs_in_it() -> None:
    stage = Stage(consecutive=100, window=30.0, min_calls=10, failure_rate=0.5)
    stage.fail(5)
    stage.clock.pass_time(20.0)
    stage.fail(4)
    stage.breaker.settings = Settings(consecutive=100, window=60.0, min_calls=10)
    stage.fail()
    assert stage.state == "open", "9 were known"
    stage = Stage(consecutive=100, window=30.0, min_calls=10, failure_rate=0.5)
    stage.fail(5)
    stage.clock.pass_time(20.0)
    stage.fail(4)
    stage.breaker.settings = Settings(consecutive=100, window=10.0, min_calls=10)
    stage.fail()
    assert stage.state == "closed", "5 are too old now"


def test_new_settings_neither_shorten_nor_lengthen_the_time_that_runs() -> None:
    stage = _open()
    for open_s in (1.0, 900.0):
        stage.breaker.settings = Settings(consecutive=3, open=open_s, open_credential=open_s)
        assert stage.breaker.retry_after_s == 30.0
    stage.clock.pass_time(30.0)
    stage.fail()
    assert stage.breaker.retry_after_s == 900.0, "the next time is theirs"
    assert stage.breaker.cause is DOWN


SLOW = {"slow_call": 5.0, "slow_rate": 0.5, "min_calls": 10, "consecutive": 100}


def test_a_high_share_of_slow_calls_opens_it() -> None:
    stage = Stage(**SLOW)
    stage.succeed(5)
    stage.succeed(4, 5.0)
    assert stage.state == "closed", "9 calls are too few to have a rate"
    stage.succeed(1, 60.0)
    assert stage.state == "open"
    refusal = stage.refused()
    assert "5 of 10 calls in 30 s were slow" in refusal.message
    assert refusal.cause is SLOWNESS
    assert refusal.retry_after_s == 30.0


def test_a_lower_share_does_not_and_where_nothing_is_called_slow_nothing_is() -> None:
    stage = Stage(**SLOW)
    stage.succeed(60, 4.999)
    stage.succeed(50, 5.0)
    assert stage.state == "closed"
    stage = Stage(**{**SLOW, "slow_call": None})
    stage.succeed(50, 1e6)
    assert stage.state == "closed"


def test_what_was_slow_to_fail_was_slow_too() -> None:
    stage = Stage(**{**SLOW, "slow_rate": 1.0, "failure_rate": 0.9})
    for turn in range(10):
        permit = stage.breaker.permit()
        if turn % 2 == 0:
            permit.succeeded(6.0)
        else:
            permit.failed(FailureKind.BROKEN_STREAM, 6.0)
    assert stage.state == "open"
    assert stage.breaker.cause is SLOWNESS


def test_where_both_rates_are_high_failures_are_the_cause() -> None:
    stage = Stage(**{**SLOW, "min_calls": 4})
    for _ in range(4):
        stage.breaker.permit().failed(FailureKind.NETWORK, 6.0)
    assert stage.breaker.cause is FailureKind.NETWORK


def test_new_settings_say_what_is_slow_from_now_on() -> None:
    stage = Stage(**{**SLOW, "slow_call": None})
    stage.succeed(20, 6.0)
    stage.breaker.settings = Settings(**{**SLOW, "slow_rate": 0.3})
    stage.succeed(8, 6.0)
    assert stage.state == "closed"
    stage.succeed(1, 6.0)
    assert stage.state == "open", "9 of 29"


def test_what_slowness_has_opened_a_slow_probe_does_not_close() -> None:
    stage = Stage(**SLOW)
    stage.succeed(10, 6.0)
    stage.clock.pass_time(30.0)
    stage.succeed(1, 6.0)
    assert stage.state == "open"
    assert "the probe was slow" in stage.refused().message
    stage.clock.pass_time(30.0)
    stage.succeed()
    assert stage.state == "closed"


def test_what_failures_have_opened_a_slow_probe_closes() -> None:
    """It answers again. A model that has to be loaded first would else never come back."""
    stage = Stage(**{**SLOW, "consecutive": 3})
    stage.fail(3)
    stage.clock.pass_time(30.0)
    stage.succeed(1, 6.0)
    assert stage.state == "closed"


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.QUOTA])
def test_credentials_that_are_refused_keep_it_open_for_longer(kind: FailureKind) -> None:
    stage = Stage(consecutive=3, open=30.0, open_credential=300.0)
    stage.fail(2)
    stage.fail(1, kind)
    refusal = stage.refused()
    assert (refusal.retry_after_s, refusal.cause) == (300.0, kind)
    assert refusal.leads(frozenset((kind,)))
    stage.clock.pass_time(300.0)
    stage.fail()
    assert stage.breaker.retry_after_s == 30.0, "the probe found it otherwise"
    assert stage.breaker.cause is DOWN


def test_what_opened_it_is_forgotten_when_it_closes() -> None:
    stage, probe = _half_open()
    assert stage.breaker.cause is DOWN
    probe.succeeded(0.1)
    assert stage.breaker.cause is None


def test_it_stays_open_for_as_long_as_the_provider_wishes() -> None:
    stage = Stage(consecutive=3, open=30.0)
    stage.fail(2)
    stage.fail(1, after_s=120.0)
    assert stage.breaker.retry_after_s == 120.0
    stage.clock.pass_time(120.0)
    stage.fail(1, after_s=40.0)
    assert stage.breaker.retry_after_s == 40.0, "and a probe may tell it too"


def test_it_stays_open_no_shorter_than_the_policy_says_and_an_hour_at_most() -> None:
    for hint_s, open_s in ((1.0, 30.0), (-5.0, 30.0), (73_192.0, LONGEST_HINT_S)):
        stage = Stage(consecutive=1, open=30.0)
        stage.fail(1, after_s=hint_s)
        assert stage.breaker.retry_after_s == open_s
    stage = Stage(consecutive=1, open=7200.0)
    stage.fail(1, after_s=73_192.0)
    assert stage.breaker.retry_after_s == 7200.0


def test_the_longest_wish_of_a_row_of_failures_counts() -> None:
    stage = Stage(consecutive=3, open=30.0)
    stage.fail(1, after_s=120.0)
    stage.clock.pass_time(10.0)
    stage.fail(2, after_s=2.0)
    assert stage.breaker.retry_after_s == 110.0


def test_what_it_wished_before_it_answered_again_does_not() -> None:
    stage = Stage(consecutive=3, open=30.0)
    stage.fail(1, after_s=1000.0)
    stage.succeed()
    stage.fail(3)
    assert stage.breaker.retry_after_s == 30.0


def test_what_it_wished_before_it_closed_does_not_either() -> None:
    stage = Stage(consecutive=3, open=30.0)
    stage.fail(3, after_s=1000.0)
    stage.breaker.permit(insist=True).succeeded(0.1)
    assert stage.state == "closed"
    stage.fail(3)
    assert stage.breaker.retry_after_s == 30.0


def test_a_stragglers_wish_extends_the_time_and_nothing_shortens_it() -> None:
    stage = Stage(consecutive=3, open=30.0)
    old = [stage.breaker.permit() for _ in range(4)]
    stage.fail(3)
    old[0].failed(DOWN, 0.1, 100.0)
    assert stage.breaker.retry_after_s == 100.0
    for hint_s in (None, 1.0):
        old[1].failed(DOWN, 0.1, hint_s)
        assert stage.breaker.retry_after_s == 100.0
    old[2].succeeded(0.1)
    assert stage.breaker.retry_after_s == 100.0
    assert stage.breaker.opened_count == 1
    stage.clock.pass_time(100.0)
    stage.succeed()
    assert stage.state == "closed"
    old[3].failed(DOWN, 0.1, 1000.0)
    stage.fail(3)
    assert stage.breaker.retry_after_s == 30.0, "that was news of a time before it closed"


def test_a_wish_that_comes_while_it_probes_counts_when_the_probe_fails() -> None:
    stage = Stage(consecutive=3, open=30.0)
    old = stage.breaker.permit()
    stage.fail(3)
    stage.clock.pass_time(30.0)
    probe = stage.breaker.permit()
    old.failed(DOWN, 0.1, 100.0)
    assert stage.state == "half_open"
    probe.failed(DOWN, 0.1)
    assert stage.breaker.retry_after_s == 100.0


def test_who_insists_is_let_through_and_its_success_closes_it() -> None:
    stage = _open()
    permit = stage.breaker.permit(insist=True)
    stage.refused()
    permit.succeeded(0.1)
    assert stage.state == "closed"
    assert stage.moves == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]
    stage.fail(2)
    assert stage.state == "closed", "with a clean slate"


def test_the_failure_of_who_insists_changes_nothing() -> None:
    stage = _open()
    stage.clock.pass_time(10.0)
    stage.breaker.permit(insist=True).failed(FailureKind.AUTH, 0.1)
    stage.breaker.permit(insist=True).ignored()
    assert stage.breaker.retry_after_s == 20.0
    assert (stage.breaker.cause, stage.breaker.opened_count) == (DOWN, 1)
    stage.breaker.permit(insist=True).failed(DOWN, 0.1, 100.0)
    assert stage.breaker.retry_after_s == 100.0, "but the provider may wish for more"


def test_who_insists_after_the_time_is_a_probe_like_any_other() -> None:
    stage = _open()
    stage.clock.pass_time(30.0)
    probe = stage.breaker.permit(insist=True)
    assert stage.state == "half_open"
    stage.refused()
    probe.failed(DOWN, 0.1)
    assert stage.breaker.retry_after_s == 30.0


def test_who_insists_beside_a_probe_takes_no_place_of_one() -> None:
    stage, probe = _half_open()
    beside = [stage.breaker.permit(insist=True) for _ in range(3)]
    beside[0].failed(DOWN, 0.1)
    beside[1].ignored()
    assert stage.state == "half_open", "the probe is still to tell"
    stage.refused()
    beside[2].succeeded(0.1)
    assert stage.state == "closed"
    probe.failed(DOWN, 0.1)
    assert stage.state == "closed"


def test_a_slow_answer_to_who_insists_closes_nothing_that_slowness_has_opened() -> None:
    stage = Stage(**SLOW)
    stage.succeed(10, 6.0)
    stage.clock.pass_time(10.0)
    stage.breaker.permit(insist=True).succeeded(6.0)
    assert stage.breaker.retry_after_s == 20.0
    stage.breaker.permit(insist=True).succeeded(0.1)
    assert stage.state == "closed"


def test_who_insisted_before_it_probed_is_a_straggler() -> None:
    stage = _open()
    late = [stage.breaker.permit(insist=True) for _ in range(2)]
    stage.clock.pass_time(30.0)
    probe = stage.breaker.permit()
    late[0].succeeded(0.1)
    late[1].failed(DOWN, 0.1)
    assert stage.state == "half_open"
    probe.succeeded(0.1)
    assert stage.state == "closed"


def test_insisting_on_a_closed_one_is_nothing_special() -> None:
    stage = Stage(consecutive=3)
    for _ in range(3):
        stage.breaker.permit(insist=True).failed(DOWN, 0.1)
    assert stage.state == "open"


def test_one_may_ask_what_a_permit_would_be_refused_for_without_taking_one() -> None:
    stage = Stage(consecutive=3, open=30.0)
    assert stage.breaker.refusal() is None
    stage.fail(3)
    refusal = stage.breaker.refusal()
    assert refusal is not None
    assert vars(refusal) == vars(stage.refused())
    stage.clock.pass_time(30.0)
    for _ in range(3):
        assert stage.breaker.refusal() is None
        assert stage.state == "open", "the asking changes nothing"
    probe = stage.breaker.permit()
    assert stage.breaker.refusal() is not None, "no probe is free"
    probe.ignored()
    assert stage.breaker.refusal() is None


def test_failures_of_calls_that_began_before_the_last_success_are_in_no_row() -> None:
    stage = Stage(consecutive=3, min_calls=100)
    together = [stage.breaker.permit() for _ in range(50)]
    stage.succeed()
    for permit in together:
        permit.failed(FailureKind.TIMEOUT_FIRST_BYTE, 1.0)
    assert stage.state == "closed"
    stage.fail(3)
    assert stage.state == "open"


def test_such_failures_count_in_the_window_all_the_same() -> None:
    stage = Stage(consecutive=3, min_calls=10, failure_rate=0.5)
    together = [stage.breaker.permit() for _ in range(9)]
    stage.succeed()
    for permit in together:
        assert stage.state == "closed"
        permit.failed(DOWN, 1.0)
    assert stage.state == "open"
    assert "9 of 10 calls" in str(stage.refused())


def test_a_hundred_calls_at_once_that_all_fail_open_it() -> None:
    stage = Stage(consecutive=3, min_calls=1000)
    for permit in [stage.breaker.permit() for _ in range(100)]:
        permit.failed(DOWN, 1.0)
    assert stage.state == "open"
