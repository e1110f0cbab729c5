"""How soon a proxy that has ended is started again."""

from itertools import accumulate, repeat

from proxy.launch.pace import LONGEST_S, QUICK_DEATHS, SLOW_S, SOUND_S, Pace


def test_at_once_then_slower_and_never_not_at_all() -> None:
    paces = list(accumulate(repeat(1.0, 9), Pace.after, initial=Pace()))[1:]
    waits = [pace.wait_s for pace in paces]
    assert waits[: QUICK_DEATHS - 1] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert max(waits[: QUICK_DEATHS - 1]) <= LONGEST_S
    assert waits[QUICK_DEATHS - 1 :] == [SLOW_S] * 4
    assert [pace.hopeless for pace in paces] == [False] * 5 + [True] * 4


def test_one_that_lived_long_enough_begins_anew() -> None:
    assert Pace(8).after(SOUND_S) == Pace(1)
    assert Pace(8).after(SOUND_S).wait_s == Pace().after(0).wait_s
