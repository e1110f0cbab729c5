"""Who is asked after whom, and which failure the app is told of."""

import pytest

from proxy.core.call import Operation
from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import ELSEWHERE, Exhausted, Failure, FailureKind, Unfit
from proxy.core.reply import Reply
from proxy.resilience.sequential import LastResort, Sequential, Target
from tests.calls import a_call
from tests.clock import FalseClock
from tests.resilience.parts import Act, Told, a_reply, events_of

Plan = tuple[str, Act] | tuple[str, Act, frozenset[FailureKind]]


class Stage:
    """Targets by name, each with what it does at its one call and, if need be, its `on`."""

    def __init__(self, *plans: Plan) -> None:
        self.call = a_call(FalseClock())
        self.asked = {plan[0]: Told([plan[1]]) for plan in plans}
        self.targets = tuple(
            Target(plan[0], plan[2] if len(plan) == 3 else ELSEWHERE, self.asked[plan[0]])
            for plan in plans
        )

    async def handle(self, **fields: object) -> Reply:
        self.call = a_call(FalseClock(), **fields)
        return await Sequential(self.targets).handle(self.call)

    async def failure(self, **fields: object) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.handle(**fields)
        return caught.value

    @property
    def order(self) -> list[str]:
        return [name for name, told in self.asked.items() if told.calls]


def _fails(kind: FailureKind, target: str, **fields: object) -> Failure:
    return Failure(kind, "scripted", target=target, **fields)  # type: ignore[arg-type]


DOWN = FailureKind.UNAVAILABLE


async def test_the_first_that_answers() -> None:
    good = a_reply()
    stage = Stage(("a", _fails(DOWN, "a")), ("b", good), ("c", a_reply()))
    assert await stage.handle() is good
    assert stage.order == ["a", "b"]
    assert events_of(stage.call) == [FellBack("a", "b", DOWN)]


async def test_no_fallback_is_told_of_where_the_first_answers() -> None:
    stage = Stage(("a", a_reply()), ("b", a_reply()))
    await stage.handle()
    assert stage.order == ["a"]
    assert not events_of(stage.call)


@pytest.mark.parametrize("kind", FailureKind)
async def test_by_default_all_but_the_apps_own_mistakes_leads_on(kind: FailureKind) -> None:
    stage = Stage(("a", _fails(kind, "a")), ("b", a_reply()))
    if kind in (FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER):
        assert (await stage.failure()).kind is kind
        assert stage.order == ["a"]
    else:
        await stage.handle()
        assert stage.order == ["a", "b"]


async def test_a_target_that_the_failure_does_not_lead_to_is_skipped() -> None:
    quota = frozenset((FailureKind.QUOTA,))
    stage = Stage(("a", _fails(DOWN, "a")), ("b", a_reply(), quota), ("c", a_reply()))
    await stage.handle()
    assert stage.order == ["a", "c"]


async def test_one_failure_is_told_as_it_is() -> None:
    only = _fails(DOWN, "a")
    assert await Stage(("a", only)).failure() is only


async def test_several_failures_are_told_all() -> None:
    failures = [_fails(DOWN, "a"), _fails(FailureKind.AUTH, "b"), _fails(FailureKind.QUOTA, "c")]
    stage = Stage(*zip("abc", failures, strict=True))
    exhausted = await stage.failure()
    assert isinstance(exhausted, Exhausted)
    assert exhausted.failures == tuple(failures)


async def test_a_target_that_cannot_do_it_is_passed_over_and_hides_no_failure() -> None:
    down = _fails(DOWN, "a")
    stage = Stage(("a", down), ("b", Unfit("it has no key")), ("c", Unfit("too large", target="c")))
    assert await stage.failure() is down
    assert events_of(stage.call) == [PassedOver("b", "it has no key"), PassedOver("c", "too large")]


async def test_a_first_target_that_cannot_do_it_leaves_it_to_the_next() -> None:
    good = a_reply()
    stage = Stage(("a", Unfit("it has no key")), ("b", good))
    assert await stage.handle() is good
    assert events_of(stage.call) == [PassedOver("a", "it has no key")], "nobody failed"


async def test_where_nobody_can_do_it_the_reasons_are_told() -> None:
    alone = await Stage(("a", Unfit("no key"))).failure()
    assert isinstance(alone, Unfit)
    assert alone.target == "a"
    both = await Stage(("a", Unfit("no key")), ("b", Unfit("embeddings only"))).failure()
    assert isinstance(both, Exhausted)
    assert "no key" in both.message
    assert "embeddings only" in both.message


async def test_what_may_have_had_an_effect_goes_nowhere_else() -> None:
    stage = Stage(("a", _fails(DOWN, "a")), ("b", a_reply()))
    assert (await stage.failure(operation=Operation.OTHER)).kind is DOWN
    assert stage.order == ["a"]


async def test_what_never_left_does() -> None:
    stage = Stage(("a", _fails(FailureKind.NETWORK, "a", sent=False)), ("b", a_reply()))
    await stage.handle(operation=Operation.OTHER)
    assert stage.order == ["a", "b"]


async def test_a_bug_stops_everything() -> None:
    stage = Stage(("a", ZeroDivisionError()), ("b", a_reply()))
    with pytest.raises(ZeroDivisionError):
        await stage.handle()
    assert stage.order == ["a"]


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
    failures = (_fails(DOWN, "a"), _fails(FailureKind.NETWORK, "b"))
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
    mistake = _fails(FailureKind.BAD_REQUEST, "a")
    resort, stand_in = _resort(mistake, a_reply())
    with pytest.raises(Failure) as caught:
        await resort.handle(a_call(FalseClock()))
    assert caught.value is mistake
    assert not stand_in.calls


async def test_a_fallbacks_quirk_is_no_mistake_of_the_app() -> None:
    """The app's own provider is down; that another does not like its request says nothing."""
    made_up = a_reply()
    failures = (_fails(DOWN, "a"), _fails(FailureKind.BAD_REQUEST, "b"))
    resort, _ = _resort(Exhausted(failures), made_up)
    assert await resort.handle(a_call(FalseClock())) is made_up


async def test_a_stand_in_that_declines_hides_no_failure() -> None:
    call, down = a_call(FalseClock()), _fails(DOWN, "a")
    resort, _ = _resort(down, Unfit("the request has tools"))
    with pytest.raises(Failure) as caught:
        await resort.handle(call)
    assert caught.value is down
    assert events_of(call) == [PassedOver("mock", "the request has tools")]
