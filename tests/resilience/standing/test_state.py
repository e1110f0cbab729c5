"""What is remembered of upstreams, and what speaks against asking one."""

import pytest
from multidict import CIMultiDict

from proxy.core.event import HealthMoved
from proxy.core.failure import FailureKind
from proxy.dialects.allowance import Allowance
from proxy.policy.schema import Breaker, Budget, Health, Limit, Retry
from proxy.policy.secret import Secret
from proxy.resilience.standing.quotas import MOST_ACCOUNTS, Caller, Quotas
from proxy.resilience.standing.state import Standing, Standings
from tests.calls import Heard, a_call
from tests.clock import FalseClock
from tests.resilience.parts import an_upstream

DOWN = FailureKind.UNAVAILABLE
CALLER = Caller(a_call())


class Stage:
    """The standing of an upstream that is unhealthy after 3 failures and shut out after 5."""

    def __init__(self, **settings: object) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        known = {
            "breaker": Breaker(consecutive=5, open=60.0),
            "health": Health(failures=3, rest=20.0),
        }
        upstream = an_upstream(**{**known, **settings})
        self.standing = Standing(upstream, self.clock, self.heard)

    def fail(self, times: int, kind: FailureKind = DOWN) -> None:
        for _ in range(times):
            self.standing.breaker.permit().failed(kind, 0.1)
            self.standing.health.failed(kind, "scripted")

    @property
    def against(self) -> tuple[FailureKind, FailureKind | None, float | None] | None:
        failure = self.standing.aside(CALLER, "m")
        if failure is None:
            return None
        assert (failure.target, failure.sent, failure.blameless) == ("openai", False, False)
        return failure.kind, failure.cause, failure.retry_after_s


def test_nothing_speaks_against_one_that_was_never_asked() -> None:
    assert Stage().against is None


def test_an_open_breaker_does() -> None:
    stage = Stage()
    stage.fail(5, FailureKind.NETWORK)
    assert stage.against == (FailureKind.CIRCUIT_OPEN, FailureKind.NETWORK, 60.0)


def test_bad_health_does_until_it_has_rested_and_then_one_may_ask() -> None:
    stage = Stage()
    stage.fail(2)
    assert stage.against is None
    stage.fail(1, FailureKind.NETWORK)
    assert stage.against == (FailureKind.CIRCUIT_OPEN, FailureKind.NETWORK, 20.0)
    stage.clock.pass_time(20.0)
    assert stage.against is None
    assert stage.against == (FailureKind.CIRCUIT_OPEN, FailureKind.NETWORK, 20.0)
    stage.standing.health.succeeded(0.1)
    assert stage.against is None


def test_no_trial_is_wasted_on_one_that_would_not_be_let_through() -> None:
    stage = Stage()
    stage.fail(5)
    stage.clock.pass_time(59.0)
    for _ in range(3):
        assert stage.against is not None
    stage.clock.pass_time(1.0)
    assert stage.against is None, "the first to ask is breaker's probe and health's trial in one"
    probe = stage.standing.breaker.permit()
    assert stage.against == (FailureKind.CIRCUIT_OPEN, DOWN, 1.0)
    probe.succeeded(0.1)
    stage.standing.health.succeeded(0.1)
    assert stage.against is None


def test_a_rate_limit_that_is_used_up_does() -> None:
    stage = Stage()
    stage.standing.quotas.of(CALLER, "m").learn((Allowance("requests", 1, 100, 12.0),))
    assert stage.against is None
    stage.standing.quotas.of(CALLER, "m").take(10)
    assert stage.against == (FailureKind.LIMIT, FailureKind.RATE_LIMIT, 12.0)
    stage.clock.pass_time(12.0)
    assert stage.against is None
    stage.standing.quotas.of(CALLER, "m").refused(5.0)
    assert stage.against == (FailureKind.LIMIT, FailureKind.RATE_LIMIT, 5.0)


def test_it_says_why() -> None:
    stage = Stage()
    stage.fail(3)
    failure = stage.standing.aside(CALLER, "m")
    assert failure is not None
    assert (
        failure.message == "it is unhealthy (3 failures in a row, the last unavailable: scripted)"
    )


def test_where_nothing_shall_be_learned_what_was_learned_is_dropped() -> None:
    stage = Stage()
    stage.standing.quotas.of(CALLER, "m").refused(100.0)
    assert stage.against is not None
    stage.standing.configure(an_upstream(limit=Limit(learn=False)))
    assert not stage.standing.learns
    assert stage.against is None
    stage.standing.configure(an_upstream())
    assert stage.standing.learns


def test_new_settings_reach_everybody_and_nothing_is_forgotten() -> None:
    clock, heard = FalseClock(), Heard()
    standings = Standings(clock, heard)
    upstream = an_upstream()
    standing = standings.of(upstream)
    assert standings.of(upstream) is standing
    standing.health.failed(DOWN, "scripted")
    standing.latency.note(1.0)
    standing.budget.deposit()
    before = [getattr(standing, name) for name in ("latency", "budget", "places", "quotas")]
    changed = an_upstream(
        breaker=Breaker(consecutive=1),
        health=Health(failures=1),
        retry=Retry(budget=Budget(ratio=0.5)),
        limit=Limit(concurrency=3),
    )
    standings.configure([changed])
    assert standings.of(changed) is standing
    assert standing.breaker.settings is changed.breaker
    assert standing.health.settings is changed.health
    assert standing.budget.settings is changed.retry.budget
    assert standing.places.settings is changed.limit
    after = [getattr(standing, name) for name in ("latency", "budget", "places", "quotas")]
    assert all(old is new for old, new in zip(before, after, strict=True))
    assert not standing.health.healthy
    assert heard.events == [
        HealthMoved("openai", False, "one failure, unavailable: scripted"),
    ]


@pytest.mark.parametrize("name", ["openai", "other"])
def test_upstreams_do_not_share(name: str) -> None:
    standings = Standings(FalseClock(), Heard())
    standings.of(an_upstream()).health.failed(DOWN, "scripted")
    report = standings.of(an_upstream(name=name)).health.report()
    assert report.failure_count == (1 if name == "openai" else 0)


def test_a_rate_limit_is_that_of_one_key_and_one_model() -> None:
    stage = Stage()
    one = Caller(a_call(headers=CIMultiDict({"Authorization": "Bearer one"})))
    two = Caller(a_call(headers=CIMultiDict({"Authorization": "Bearer two"})))
    fallback = Caller(a_call(upstream="another"))
    stage.standing.quotas.of(one, "m").refused(60.0)
    assert stage.standing.aside(one, "m") is not None
    assert stage.standing.aside(one, "n") is None
    assert stage.standing.aside(two, "m") is None
    assert stage.standing.aside(fallback, "m") is None
    assert (stage.standing.quotas.share, stage.standing.quotas.spent_s) == (0.0, 60.0)


def test_rate_limits_are_remembered_of_so_many_keys_and_models() -> None:
    quotas = Quotas("openai", FalseClock())
    for number in range(MOST_ACCOUNTS + 10):
        quotas.of(CALLER, f"m{number}").refused(60.0)
        quotas.of(CALLER, "in use")
    known = [number for number in range(MOST_ACCOUNTS + 10) if quotas.known(CALLER, f"m{number}")]
    assert len(known) == MOST_ACCOUNTS - 1
    assert known[0] == 11
    assert quotas.known(CALLER, "in use") is not None


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://moved.example"},
        {"api_key": Secret("another")},
        {"headers": {"Authorization": "Bearer another"}},
    ],
)
def test_an_upstream_that_has_moved_has_nothing_against_it(change: dict[str, object]) -> None:
    stage = Stage()
    stage.fail(5, FailureKind.AUTH)
    stage.standing.configure(an_upstream())
    assert stage.against is not None, "the same as before"
    stage.standing.configure(an_upstream(**change))
    assert stage.against is None
    assert stage.standing.health.report().failure_count == 5
