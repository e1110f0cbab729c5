"""When a stand-in answers, and what it must not hide."""

import pytest

from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import ELSEWHERE, Exhausted, Failure, FailureKind, Unfit
from proxy.resilience.choice.last_resort import LastResort
from tests.calls import a_call
from tests.clock import FalseClock
from tests.resilience.cast import DOWN, fails
from tests.resilience.parts import Act, Told, a_reply, events_of


def _resort(inner: Act, stand_in: Act) -> tuple[LastResort, Told]:
    told = Told([stand_in])
    return LastResort(Told([inner]), "mock", ELSEWHERE, told), told


async def test_a_stand_in_is_not_asked_where_somebody_answers() -> None:
    good, call = a_reply(), a_call(FalseClock())
    resort, stand_in = _resort(good, a_reply())
    assert await resort.handle(call) is good
    assert not stand_in.calls


async def test_a_stand_in_answers_where_everybody_failed() -> None:
    call, made_up = a_call(FalseClock()), a_reply()
    failures = (fails(DOWN, "a"), fails(FailureKind.NETWORK, "b"))
    resort, _ = _resort(Exhausted(failures), made_up)
    assert await resort.handle(call) is made_up
    assert events_of(call) == [FellBack("b", "mock", FailureKind.NETWORK)]


async def test_a_stand_in_answers_where_nobody_could_be_asked() -> None:
    made_up = a_reply()
    resort, _ = _resort(Unfit("no key", target="a"), made_up)
    assert await resort.handle(a_call(FalseClock())) is made_up
    both = Exhausted((Unfit("no key", target="a"), Unfit("embeddings only", target="local")))
    resort, _ = _resort(both, made_up)
    assert await resort.handle(a_call(FalseClock())) is made_up


async def test_a_stand_in_hides_no_mistake_of_the_app() -> None:
    mistake = fails(FailureKind.BAD_REQUEST, "a")
    resort, stand_in = _resort(mistake, a_reply())
    with pytest.raises(Failure) as caught:
        await resort.handle(a_call(FalseClock()))
    assert caught.value is mistake
    assert not stand_in.calls


@pytest.mark.parametrize("first", [True, False], ids=["asked first", "asked after all"])
async def test_a_fallbacks_quirk_is_no_mistake_of_the_app(first: bool) -> None:
    """The app's own provider is down; that another does not like its request says nothing."""
    made_up = a_reply()
    own, quirk = fails(DOWN, "openai"), fails(FailureKind.BAD_REQUEST, "b")
    resort, _ = _resort(Exhausted((own, quirk) if first else (quirk, own)), made_up)
    assert await resort.handle(a_call(FalseClock())) is made_up


async def test_the_apps_own_mistake_counts_in_whatever_order_they_were_asked() -> None:
    down, mistake = fails(DOWN, "b"), fails(FailureKind.BAD_REQUEST, "openai")
    resort, stand_in = _resort(Exhausted((down, mistake)), a_reply())
    with pytest.raises(Exhausted):
        await resort.handle(a_call(FalseClock()))
    assert not stand_in.calls


async def test_a_stand_in_that_declines_hides_no_failure() -> None:
    call, down = a_call(FalseClock()), fails(DOWN, "a")
    resort, _ = _resort(down, Unfit("the request has tools"))
    with pytest.raises(Failure) as caught:
        await resort.handle(call)
    assert caught.value is down
    refusal = PassedOver("mock", "the request has tools", unfit=FailureKind.BAD_REQUEST)
    assert events_of(call) == [refusal]
