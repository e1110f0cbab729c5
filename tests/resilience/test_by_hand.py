"""What an operator does to a breaker."""

import pytest

from proxy.core.event import BY_HAND, BreakerMoved
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.standing.breaker import Breaker
from tests.calls import Heard
from tests.clock import FalseClock


class Stage:
    def __init__(self, **settings: float) -> None:
        self.clock = FalseClock()
        self.heard = Heard()
        self.breaker = Breaker("openai", Settings(**settings), self.clock, self.heard)

    @property
    def moves(self) -> list[tuple[str, str, str]]:
        return [
            (move.before, move.after, move.reason)
            for move in self.heard.events
            if isinstance(move, BreakerMoved)
        ]

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.permit().failed(FailureKind.UNAVAILABLE, 1.0)

    def succeed(self) -> None:
        self.breaker.permit().succeeded(0.1)


@pytest.mark.parametrize("insist", [False, True])
def test_taken_out_it_lets_nobody_through_however_long(insist: bool) -> None:
    stage = Stage()
    stage.breaker.force_open()
    stage.clock.pass_time(1e6)
    with pytest.raises(Failure) as refused:
        stage.breaker.permit(insist)
    assert refused.value.kind is FailureKind.CIRCUIT_OPEN
    assert "by hand" in refused.value.message
    assert refused.value.retry_after_s is None, "nobody knows"
    assert refused.value.cause is None
    assert stage.breaker.refusal() is not None
    assert stage.moves == [("closed", "open", BY_HAND)]
    assert (stage.breaker.held, stage.breaker.opened_count) == (True, 1)


def test_twice_is_once() -> None:
    stage = Stage()
    stage.breaker.force_open()
    stage.breaker.force_open()
    stage.breaker.force_close()
    stage.breaker.force_close()
    assert stage.moves == [("closed", "open", BY_HAND), ("open", "closed", BY_HAND)]


def test_one_that_is_open_is_held_open() -> None:
    stage = Stage(consecutive=1, open=5)
    stage.fail()
    stage.breaker.force_open()
    stage.clock.pass_time(10.0)
    assert stage.breaker.refusal() is not None
    assert stage.moves[1:] == [("open", "open", BY_HAND)]
    assert stage.breaker.opened_count == 1


def test_calls_under_way_do_not_put_it_back() -> None:
    stage = Stage(consecutive=1, open=5)
    before = stage.breaker.permit()
    stage.fail()
    stage.clock.pass_time(6.0)
    probe = stage.breaker.permit()
    stage.breaker.force_open()
    probe.succeeded(0.1)
    before.succeeded(0.1)
    assert stage.breaker.state == "open"
    assert stage.breaker.refusal() is not None


@pytest.mark.parametrize("held", [False, True])
def test_put_back_it_remembers_no_failure(held: bool) -> None:
    stage = Stage(consecutive=3, min_calls=4)
    stage.fail(3)
    if held:
        stage.breaker.force_open()
    stage.breaker.force_close()
    assert (stage.breaker.state, stage.breaker.cause) == ("closed", None)
    stage.fail(2)
    assert stage.breaker.state == "closed"
    stage.fail()
    assert stage.breaker.state == "open", "it moves by itself again"
    assert stage.moves[-1] == ("closed", "open", "3 of 3 calls in 30 s failed")


def test_one_that_is_closed_forgets_its_failures_too() -> None:
    stage = Stage(consecutive=3)
    stage.fail(2)
    stage.breaker.force_close()
    stage.fail(2)
    assert stage.breaker.state == "closed"
    assert stage.moves == []


def test_after_it_was_put_back_reasons_are_its_own() -> None:
    stage = Stage(consecutive=1, open=5)
    stage.breaker.force_open()
    stage.breaker.force_close()
    stage.fail()
    stage.clock.pass_time(6.0)
    stage.succeed()
    assert [after for _, after, _ in stage.moves] == [
        *("open", "closed"),
        *("open", "half_open", "closed"),
    ]
    assert all(reason != BY_HAND for _, _, reason in stage.moves[2:])
