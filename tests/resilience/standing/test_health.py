"""How an upstream has been doing, and when it is given another trial."""

import pytest

from proxy.core.event import HealthMoved
from proxy.core.failure import FailureKind
from proxy.policy.schema import Health as Settings
from proxy.resilience.standing.health import Health
from tests.calls import Heard
from tests.clock import FalseClock

DOWN = FailureKind.UNAVAILABLE


class Stage:
    """A health, and what becomes of it."""

    def __init__(self, **settings: object) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        self.health = Health("openai", Settings(**settings), self.clock, self.heard)

    def fail(self, times: int = 1, kind: FailureKind = DOWN) -> None:
        for _ in range(times):
            self.health.failed(kind, "scripted")


def _unhealthy() -> Stage:
    stage = Stage(failures=3, rest=30.0)
    stage.fail(3)
    assert not stage.health.healthy
    return stage


def test_nobody_is_ill_before_the_first_call() -> None:
    health = Stage().health
    report = health.report()
    assert report.is_healthy
    assert report.success_rate == 1.0
    assert (report.success_count, report.failure_count, report.average_latency_ms) == (0, 0, 0.0)
    assert (health.healthy, health.last_kind, health.reason) == (True, None, "")


def test_failures_in_a_row_make_it_unhealthy_and_one_success_heals() -> None:
    stage = Stage(failures=3)
    health = stage.health
    health.succeeded(0.1)
    for _ in range(3):
        assert health.report().is_healthy
        stage.fail()
    assert not health.report().is_healthy
    assert health.report().consecutive_failures == 3
    health.succeeded(0.1)
    report = health.report()
    assert report.is_healthy
    assert report.consecutive_failures == 0
    assert (report.success_count, report.failure_count) == (2, 3)
    assert report.success_rate == pytest.approx(2 / 5)


def test_a_success_between_them_begins_the_row_anew() -> None:
    stage = Stage(failures=3)
    for _ in range(5):
        stage.fail(2)
        stage.health.succeeded(0.1)
    assert stage.health.healthy


def test_the_average_latency_begins_at_the_first_and_follows_the_last() -> None:
    stage = Stage()
    stage.health.succeeded(0.2)
    assert stage.health.report().average_latency_ms == pytest.approx(200)
    stage.fail()
    assert stage.health.report().average_latency_ms == pytest.approx(200), "a failure has none"
    for _ in range(60):
        stage.health.succeeded(1.0)
    assert stage.health.report().average_latency_ms == pytest.approx(1000, rel=0.01)


def test_everybody_is_told_of_each_change_once() -> None:
    stage = Stage(failures=3)
    stage.fail(2)
    stage.fail(1, FailureKind.NETWORK)
    stage.fail(4)
    stage.health.succeeded(0.1)
    stage.health.succeeded(0.1)
    assert stage.heard.events == [
        HealthMoved("openai", False, "3 failures in a row, the last network: scripted"),
        HealthMoved("openai", True),
    ]


def test_why_it_is_unhealthy_follows_the_last_failure() -> None:
    stage = _unhealthy()
    stage.health.failed(FailureKind.AUTH, "")
    assert stage.health.reason == "4 failures in a row, the last auth"
    assert stage.health.last_kind is FailureKind.AUTH
    stage = Stage(failures=1)
    stage.fail()
    assert stage.health.reason == "one failure, unavailable: scripted"


def test_when_it_has_rested_one_may_try_it() -> None:
    stage = _unhealthy()
    assert not stage.health.trial()
    stage.clock.pass_time(29.9)
    assert not stage.health.trial()
    assert stage.health.rest_s == pytest.approx(0.1)
    stage.clock.pass_time(0.1)
    assert stage.health.rest_s == 0.0
    assert [stage.health.trial() for _ in range(100)] == [True] + [False] * 99


def test_a_trial_that_brings_no_news_is_followed_by_another_rest() -> None:
    stage = _unhealthy()
    stage.clock.pass_time(30.0)
    assert stage.health.trial()
    stage.clock.pass_time(29.9)
    assert not stage.health.trial()
    stage.clock.pass_time(0.1)
    assert stage.health.trial()


def test_a_trial_that_fails_begins_the_rest_anew() -> None:
    stage = _unhealthy()
    stage.clock.pass_time(30.0)
    assert stage.health.trial()
    stage.clock.pass_time(10.0)
    stage.fail()
    assert stage.health.rest_s == 30.0
    stage.clock.pass_time(29.9)
    assert not stage.health.trial()


def test_a_trial_that_succeeds_lets_everybody_in() -> None:
    stage = _unhealthy()
    stage.clock.pass_time(30.0)
    assert stage.health.trial()
    stage.health.succeeded(0.1)
    assert all(stage.health.trial() for _ in range(3))


def test_a_healthy_one_needs_no_trial() -> None:
    stage = Stage(failures=3)
    stage.fail(2)
    assert stage.health.trial()
    stage.fail()
    assert stage.health.rest_s == 30.0, "the asking took nothing"


def test_new_settings_are_in_force_at_once_and_forget_nothing() -> None:
    stage = Stage(failures=5)
    stage.fail(3)
    stage.health.settings = Settings(failures=3, rest=10.0)
    assert not stage.health.healthy
    stage.clock.pass_time(10.0)
    assert stage.health.trial()
    stage.health.settings = Settings(failures=9)
    assert stage.health.healthy
    assert stage.health.report().failure_count == 3
    assert [event.healthy for event in stage.heard.events if isinstance(event, HealthMoved)] == [
        False,
        True,
    ]


def test_failures_of_calls_that_began_before_the_last_success_are_in_no_row() -> None:
    stage = Stage()
    since = stage.health.successes
    stage.health.succeeded(0.1)
    for _ in range(50):
        stage.health.failed(FailureKind.TIMEOUT_FIRST_BYTE, "late", since)
    report = stage.health.report()
    assert (report.is_healthy, report.failure_count, report.consecutive_failures) == (True, 50, 0)
    for _ in range(3):
        stage.health.failed(FailureKind.UNAVAILABLE, "down", stage.health.successes)
    assert not stage.health.healthy
