"""Targets that are asked beside one another, and each layer within them."""

import pytest

from proxy.core.event import AttemptCancelled, FellBack, Hedged, PassedOver, Retrying
from proxy.core.failure import FailureKind
from tests.plays.pairs import pairs
from tests.plays.sight import (
    ALL_THREE,
    BEGUN,
    CUT,
    HELD_BACK,
    KEYLESS,
    ONE_AT_A_TIME,
    TWICE,
    Sight,
    after,
    models,
    policy,
    shut,
    sight,
    standing,
    verdict,
)
from tests.plays.stage import DOWN, GOOD, WHOLE_STREAM, Act, Answer, Play, Silence, Stream

HEDGE = "strategy: fastest, hedge_after: 1s"
RACE = "strategy: fastest, hedge_after: 0s"


def _called_off(seen: object) -> list[str]:
    return [event.target for event in seen.told(AttemptCancelled)]  # type: ignore[attr-defined]


@pairs("Fastest Adapt")
async def test_each_is_asked_in_its_own_words_and_who_cannot_be_is_replaced_at_once() -> None:
    text = policy(
        HEDGE, ALL_THREE, openai="models: {gpt-4o: a}", azure=KEYLESS, third="models: {gpt-4o: c}"
    )
    play = Play(text, openai=[Silence()], third=[after(2.0, "Ho")])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Ho", "third", 2, True)
    assert (seen.asked, models(seen), seen.took_s) == (["openai", "third"], ["a", "c"], 3.0)
    assert [event.target for event in seen.told(PassedOver)] == ["azure"]
    assert seen.told(FellBack) == [], "it was sooner, and took over from nobody"


@pairs("Fastest Retry")
async def test_who_waits_for_its_next_attempt_has_lost_when_another_answers() -> None:
    play = Play(policy(HEDGE, openai=TWICE + ", breaker: {consecutive: 9}"), openai=[DOWN])
    play.scripts["azure"] += [after(2.0, "Ho")]
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Ho", "azure", 2, True)
    assert (seen.asked, seen.took_s) == (["openai", "azure"], 3.0)
    assert [event.wait_s for event in seen.told(Retrying)] == [4.0], "which nobody waited for"


@pairs("Fastest Retry")
@pytest.mark.parametrize(("floor", "asked"), [(0, ["openai"]), (1, ["azure", "openai"])])
async def test_hedges_and_retries_are_paid_for_together(floor: int, asked: list[str]) -> None:
    budget = f"retry: {{attempts: 2, budget: {{ratio: 1, min_per_second: {floor}}}}}"
    text = policy(HEDGE, openai=f"{budget}, breaker: {{consecutive: 9}}")
    play = Play(text, openai=[DOWN, GOOD], azure=[after(9.0, "Ho")])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Hi", "openai", 1 + len(asked))
    assert (seen.asked, seen.took_s) == (["openai", *asked], 4.0)


@pairs("Fastest Hold")
async def test_the_first_whole_answer_wins_and_not_the_first_word() -> None:
    early = Stream([*BEGUN, 4.0, *WHOLE_STREAM[2:]])
    late = Stream([2.0, *WHOLE_STREAM])
    play = Play(policy(f"{RACE}, mid_stream: hold"), openai=[early], azure=[late])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert (seen.asked, seen.took_s) == (["openai", "azure"], 2.0)
    assert verdict(play) == ("closed", 0)


@pairs("Fastest Hold")
async def test_who_breaks_while_it_is_held_is_replaced_and_blamed() -> None:
    play = Play(policy(f"{HEDGE}, mid_stream: hold", ALL_THREE))
    play.scripts["openai"] += [Stream([*BEGUN, 3.0], end="cut")]
    play.scripts["azure"] += [Silence()]
    play.scripts["third"] += [Stream([4.0, *WHOLE_STREAM])]
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "third", 3, True)
    assert (seen.asked, seen.took_s) == (["openai", "azure", "third"], 3.0 + 1.0 + 4.0)
    assert verdict(play) == ("open", 1)
    assert verdict(play, "azure") == ("closed", 0)


@pairs("Fastest Hold")
async def test_nobody_is_asked_beside_who_has_begun_and_is_only_held() -> None:
    early = Stream([0.5, *BEGUN, 4.0, *WHOLE_STREAM[2:]])
    play = Play(policy(f"{HEDGE}, mid_stream: hold"), openai=[early])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "openai", 1)
    assert (seen.asked, seen.took_s, seen.told(Hedged)) == (["openai"], 4.5, [])


@pairs("Fastest Hold", "Fastest Retry")
async def test_somebody_is_asked_beside_who_broke_and_waits_for_its_next_attempt() -> None:
    text = policy(f"{HEDGE}, mid_stream: hold", openai=TWICE + ", breaker: {consecutive: 9}")
    play = Play(text, openai=[CUT], azure=[Stream()])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert (seen.asked, seen.took_s, verdict(play)) == (["openai", "azure"], 1.0, ("closed", 1))


@pairs("Fastest Limited")
@pytest.mark.parametrize("first", [True, False], ids=["the first", "the hedge"])
async def test_who_waits_for_a_place_has_lost_when_another_answers(first: bool) -> None:
    busy, other = ("openai", "azure") if first else ("azure", "openai")
    play = Play(policy(HEDGE, **{busy: ONE_AT_A_TIME}), **{other: [after(3.0, "Ho")]})
    places = standing(play, busy).places
    assert places.take_now()
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Ho", other, 1, first)
    assert (seen.asked, seen.took_s) == ([other], 4.0 if first else 3.0)
    assert (places.in_use, places.waiting) == (1, 0)
    places.give()


@pairs("Fastest Limited", "Limited Guard")
async def test_the_place_of_who_lost_is_free_for_the_next_call() -> None:
    play = Play(policy(HEDGE, openai=ONE_AT_A_TIME), openai=[Silence(), GOOD], azure=[GOOD])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Hi", "azure", 2, True)
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 1), 0.0)


@pairs("Fastest Guard")
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_who_lost_counts_as_nothing_also_as_a_probe(stream: bool) -> None:
    late: Act = Stream([9.0, *WHOLE_STREAM]) if stream else after(9.0)
    soon: Act = Stream() if stream else GOOD
    play = Play(policy(HEDGE), openai=[late, soon], azure=[soon])
    shut(play)
    seen = await play.chat(stream=stream)
    assert (seen.status, seen.asked, _called_off(seen)) == (200, ["openai", "azure"], ["openai"])
    report = standing(play).health.report()
    assert (report.success_count, report.failure_count) == (0, 0)
    assert verdict(play) == ("half_open", 0)
    assert (await play.chat(stream=stream)).asked == ["openai"]
    assert verdict(play) == ("closed", 0)


@pairs("Fastest Guard")
async def test_nobody_is_asked_beside_another_whose_breaker_is_open() -> None:
    play = Play(policy(HEDGE, ALL_THREE), openai=[after(3.0)], third=[Silence()])
    shut(play, "azure", left_s=10.0)
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (Sight(200, "Hi", "openai", 2), ["openai", "third"])
    assert [(event.origin, event.target) for event in seen.told(Hedged)] == [("openai", "third")]


@pairs("Fastest FirstByte")
async def test_a_role_wins_no_race_and_the_first_word_does() -> None:
    play = Play(policy(RACE), openai=[HELD_BACK], azure=[Stream([3.0, *WHOLE_STREAM])])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert (seen.took_s, _called_off(seen)) == (3.0, ["openai"])


@pairs("Fastest FirstByte")
async def test_an_error_under_a_good_status_wins_no_race() -> None:
    fault = Answer(200, {"error": {"message": "overloaded", "type": "overloaded_error"}})
    play = Play(policy(RACE), openai=[fault], azure=[after(3.0, "Ho")])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Ho", "azure", 2, True)
    assert [event.kind for event in seen.told(FellBack)] == [FailureKind.UNAVAILABLE]
