"""Probes of our own: when they are made, through whose permit, and what they say."""

import asyncio

import pytest

from proxy.core.event import Bug, Event, Probed
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Breaker, Health
from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.prober import Prober
from proxy.resilience.standing.state import Standing, Standings
from tests.calls import Heard
from tests.clock import FalseClock, LoadedDice, settle
from tests.resilience.cast import DOWN, fails
from tests.resilience.parts import an_upstream

Outcome = Failure | Exception | None


def _watched(name: str = "openai", every_s: float | None = 10.0, **settings: object) -> Upstream:
    breaker = Breaker(consecutive=2, open=25.0)
    return an_upstream(name=name, breaker=breaker, health=Health(probe=every_s), **settings)


class Stage:
    """A prober; each probe takes `took_s` and comes to the next outcome, the last for ever."""

    def __init__(self, *outcomes: Outcome, took_s: float = 0.0, dice: float = 0.5) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        self.standings = Standings(self.clock, self.heard)
        self.prober = Prober(self.clock, LoadedDice(dice), self.standings, self._probe, self.heard)
        self.outcomes = list(outcomes)
        self.took_s = took_s
        self.asked: list[tuple[str, float]] = []

    async def _probe(self, upstream: Upstream) -> Failure | None:
        self.asked.append((upstream.name, self.clock.now() - 1000.0))
        if self.took_s:
            await self.clock.sleep(self.took_s)
        outcomes = self.outcomes
        outcome = None if not outcomes else outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception) and not isinstance(outcome, Failure):
            raise outcome
        return outcome

    async def pass_time(self, seconds: float) -> None:
        await settle()
        while (due_at := self.clock.next_due) is not None and due_at <= seconds:
            self.clock.pass_time(due_at)
            seconds -= due_at
            await settle()
        self.clock.pass_time(seconds)

    def standing(self, name: str = "openai") -> Standing:
        return self.standings.of(_watched(name))

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.heard.events if isinstance(event, kind)]


async def test_it_asks_as_often_as_the_policy_says() -> None:
    stage = Stage()
    stage.prober.configure([_watched(), _watched("never", None)])
    await stage.pass_time(30.0)
    assert stage.asked == [("openai", 5.0), ("openai", 15.0), ("openai", 25.0)]
    assert stage.told(Probed) == [Probed("openai", 0.0)] * 3
    await stage.prober.close()
    await stage.pass_time(30.0)
    assert len(stage.asked) == 3


@pytest.mark.parametrize("dice", [0.0, 0.1, 1.0])
async def test_chance_says_when_the_first_one_is_made(dice: float) -> None:
    stage = Stage(dice=dice)
    stage.prober.configure([_watched()])
    await stage.pass_time(10.0)
    assert stage.asked[0] == ("openai", 10.0 * dice)
    await stage.prober.close()


async def test_what_comes_out_of_it_goes_to_breaker_and_health() -> None:
    stage = Stage(fails(DOWN, "openai", status=503), took_s=1.0)
    stage.prober.configure([_watched()])
    await stage.pass_time(20.0)
    standing = stage.standing()
    assert standing.breaker.state == "open"
    assert standing.breaker.cause is DOWN
    assert standing.health.report().consecutive_failures == 2
    assert stage.told(Probed)[0] == Probed("openai", 1.0, "unavailable: scripted")
    await stage.prober.close()


async def test_while_the_breaker_is_open_nobody_is_asked_and_then_the_probe_goes_first() -> None:
    stage = Stage(fails(), fails(), None)
    stage.prober.configure([_watched()])
    await stage.pass_time(15.0)
    assert stage.standing().breaker.state == "open"
    await stage.pass_time(24.0)
    assert len(stage.asked) == 2
    await stage.pass_time(6.0)
    assert stage.asked[-1] == ("openai", 45.0)
    assert stage.standing().breaker.state == "closed"
    report = stage.standing().health.report()
    assert report.is_healthy
    assert report.average_latency_ms == 0.0, "of the app's calls: nobody knows"
    await stage.prober.close()


@pytest.mark.parametrize("kind", [FailureKind.RATE_LIMIT, FailureKind.AUTH, FailureKind.QUOTA])
async def test_what_says_nothing_of_the_upstream_is_told_and_not_held_against_it(
    kind: FailureKind,
) -> None:
    stage = Stage(fails(kind, "openai"))
    stage.prober.configure([_watched()])
    await stage.pass_time(60.0)
    report = stage.standing().health.report()
    assert (report.success_count, report.failure_count) == (0, 0)
    assert stage.standing().breaker.state == "closed"
    assert len(stage.told(Probed)) == 6
    await stage.prober.close()


async def test_one_can_be_asked_by_hand() -> None:
    stage = Stage(None, fails(), fails(), None)
    upstream = _watched(every_s=None)
    assert await stage.prober.ask(upstream) is None
    for _ in range(2):
        failure = await stage.prober.ask(upstream)
        assert failure is not None
        assert failure.kind is DOWN
    refusal = await stage.prober.ask(upstream)
    assert refusal is not None
    assert refusal.kind is FailureKind.CIRCUIT_OPEN
    assert len(stage.asked) == 3
    assert await stage.prober.ask(upstream, insist=True) is None
    assert stage.standing().breaker.state == "closed"


async def test_a_reload_starts_changes_and_stops_and_disturbs_nobody_else() -> None:
    stage = Stage()
    same, changed, gone = _watched("same"), _watched("changed"), _watched("gone")
    stage.prober.configure([same, changed, gone])
    await stage.pass_time(7.0)
    stage.prober.configure([_watched("same"), _watched("changed", 2.0), _watched("new")])
    await stage.pass_time(9.0)
    asked = [(name, at) for name, at in stage.asked if at > 7.0]
    assert sorted(asked, key=lambda each: (each[1], each[0])) == [
        ("changed", 8.0),
        ("changed", 10.0),
        ("changed", 12.0),
        ("new", 12.0),
        ("changed", 14.0),
        ("same", 15.0),
        ("changed", 16.0),
    ]
    await stage.prober.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_in_the_middle_of_a_probe_leaves_its_permit() -> None:
    stage = Stage(took_s=60.0)
    for _ in range(2):
        stage.standing().breaker.permit().failed(DOWN, 0.1)
    stage.clock.pass_time(25.0)
    stage.prober.configure([_watched()])
    await stage.pass_time(6.0)
    assert stage.standing().breaker.state == "half_open"
    assert stage.standing().breaker.refusal() is not None
    await stage.prober.close()
    assert stage.standing().breaker.refusal() is None, "the next may probe"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert stage.clock.next_due is None


async def test_a_bug_is_told_and_ends_no_loop() -> None:
    stage = Stage(ZeroDivisionError(), None)
    stage.prober.configure([_watched()])
    await stage.pass_time(20.0)
    (bug,) = stage.told(Bug)
    assert isinstance(bug, Bug)
    assert isinstance(bug.error, ZeroDivisionError)
    assert stage.told(Probed) == [Probed("openai", 0.0)]
    await stage.prober.close()
