"""Who may probe a half-open breaker's upstream."""

from proxy.resilience.standing.probes import Probes
from tests.clock import FalseClock

TURN_S = 30.0


def _begun() -> tuple[Probes, FalseClock]:
    clock = FalseClock()
    probes = Probes(clock)
    probes.begin(TURN_S)
    return probes, clock


def test_as_many_as_may_are_out_at_once() -> None:
    probes, _ = _begun()
    for _ in range(3):
        assert probes.free(3)
        probes.take(3, TURN_S)
    assert not probes.free(3)
    assert probes.free(4)


def test_one_that_comes_back_makes_room_for_one() -> None:
    probes, _ = _begun()
    turn = probes.take(1, TURN_S)
    probes.give(turn)
    assert probes.free(1)
    probes.take(1, TURN_S)
    assert not probes.free(1)


def test_a_turn_that_lasts_too_long_is_over() -> None:
    probes, clock = _begun()
    first = probes.take(1, TURN_S)
    clock.pass_time(TURN_S)
    assert probes.free(1)
    second = probes.take(1, TURN_S)
    assert second == first + 1
    assert not probes.free(1)
    for turn in (first, None):
        probes.give(turn)
        assert not probes.free(1), "its place was none of this turn"
    probes.give(second)
    assert probes.free(1)
