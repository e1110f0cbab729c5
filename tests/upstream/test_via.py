"""Who has signed a request before, and whether it goes round."""

import pytest

from proxy.core.clock import SystemDice
from proxy.upstream.via import Signature

OURS = Signature("0123abcd")


def test_a_signature_is_of_one_process() -> None:
    dice = SystemDice(1)
    one, other = Signature.of(dice), Signature.of(dice)
    assert one != other
    assert len(one.id) == 8
    assert one.of_1_1 == f"1.1 understudy ({one.id})"
    assert one.of_1_0 == f"1.0 understudy ({one.id})"
    assert one.loop([one.of_1_1])
    assert not one.loop([other.of_1_1])


@pytest.mark.parametrize(
    "values",
    [
        ["1.1 understudy"],
        ["1.1 understudy (0123abcd)"],
        ["1.0 UNDERSTUDY (0123abcd)"],
        ["HTTP/1.1 understudy"],
        ["1.1 understudy (whatever)"],
        ["1.1 gate, 1.1 understudy (0123abcd), 1.1 wall"],
        ["1.1 gate (a, (b), \\), c), 1.1 understudy"],
        ["1.1 gate", " 1.1\tunderstudy "],
        [f"1.1 understudy ({at:08x})" for at in range(9)],
    ],
)
def test_what_goes_round(values: list[str]) -> None:
    assert OURS.loop(values)


@pytest.mark.parametrize(
    "values",
    [
        [""],
        [",,"],
        ["1.1 gate"],
        ["1.1 understudy (89abcdef)"],
        ["1.1 gate (1.1 understudy, 1.1 understudy (0123abcd))"],
        ["1.1 understudy.test, 1.1 not-understudy, understudy, 1.1 understudy:80"],
        ["1.1 gate (unclosed, 1.1 understudy"],
        [f"1.1 understudy ({at:08x})" for at in range(8)],
    ],
)
def test_what_does_not(values: list[str]) -> None:
    assert not OURS.loop(values)
