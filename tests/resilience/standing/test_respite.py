"""How long an upstream is left alone."""

from proxy.resilience.standing.respite import LONGEST_HINT_S, Respite
from tests.clock import FalseClock


def test_it_is_over_when_its_time_is_up() -> None:
    clock = FalseClock()
    respite = Respite(clock)
    assert respite.left_s == 0.0
    respite.begin(30.0)
    clock.pass_time(10.0)
    assert respite.left_s == 20.0
    clock.pass_time(21.0)
    assert respite.left_s == 0.0


def test_hints_lengthen_it_whenever_they_come_and_none_shortens_it() -> None:
    clock = FalseClock()
    respite = Respite(clock)
    respite.hint(60.0)
    clock.pass_time(10.0)
    respite.begin(30.0)
    assert respite.left_s == 50.0
    respite.hint(80.0)
    assert respite.left_s == 80.0
    for hint_s in (1.0, 0.0, -10.0):
        respite.hint(hint_s)
        assert respite.left_s == 80.0
    respite.forget_hints()
    assert respite.left_s == 80.0
    respite.begin(5.0)
    assert respite.left_s == 5.0


def test_no_hint_is_obeyed_for_longer_than_there_is_a_reason_to() -> None:
    respite = Respite(FalseClock())
    respite.hint(73_192.0)
    respite.begin(30.0)
    assert respite.left_s == LONGEST_HINT_S
