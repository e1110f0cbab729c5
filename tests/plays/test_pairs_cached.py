"""The store of answers, and each layer within it."""

import pytest

from proxy.core.event import CacheLooked, CacheOutcome
from tests.plays.pairs import pairs
from tests.plays.sight import (
    CUT,
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
from tests.plays.stage import (
    DOWN,
    GOOD,
    WHOLE_STREAM,
    Act,
    Answer,
    Play,
    Seen,
    Stream,
    error,
    said,
    sse,
)

CACHE = "cache: {ttl: 1m, stale_if_error: 1h}"
HIT = Sight(200, "Hi", "openai", 0, source="cache")


def _stored(seen: Seen) -> bool:
    return CacheOutcome.STORED in [event.outcome for event in seen.told(CacheLooked)]


@pairs("Cached Resume")
async def test_what_two_have_said_is_not_kept_and_what_one_has_said_is() -> None:
    play = Play(policy(f"{CACHE}, mid_stream: resume"), openai=[CUT, Stream()], azure=[Stream()])
    seen = await play.chat(stream=True)
    joined = Sight(200, "Hello world", "openai", 1)
    assert (sight(seen), seen.asked) == (joined, ["openai", "azure"])
    assert not _stored(seen)
    play.clock.pass_time(30.0)
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, _stored(seen)) == (joined, ["openai"], True)
    seen = await play.chat(stream=True)
    assert sight(seen) == joined._replace(attempts=0, source="cache")
    assert seen.body == b"".join(WHOLE_STREAM)


@pairs("Cached Sequential")
async def test_what_somebody_else_said_in_place_of_it_is_not_kept() -> None:
    play = Play(policy(CACHE, openai="breaker: {consecutive: 9}"), openai=[DOWN, GOOD])
    play.scripts["azure"] += [Answer(200, said("Ho"))]
    assert sight(await play.chat()) == Sight(200, "Ho", "azure", 2, True)
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (Sight(200, "Hi", "openai", 1), ["openai"])
    assert sight(await play.chat()) == HIT


@pairs("Cached Fastest")
async def test_of_a_race_only_the_apps_own_provider_is_kept_and_only_if_it_wins() -> None:
    play = Play(
        policy(f"{CACHE}, strategy: fastest, hedge_after: 1s"),
        openai=[after(9.0), after(3.0)],
        azure=[after(0.5, "Ho"), after(9.0, "Ho")],
    )
    seen = await play.chat()
    assert (sight(seen), _stored(seen)) == (Sight(200, "Ho", "azure", 2, True), False)
    seen = await play.chat()
    assert (sight(seen), _stored(seen)) == (Sight(200, "Hi", "openai", 2), True)
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (HIT, [])


@pairs("Cached Balanced")
async def test_who_is_drawn_decides_whether_it_is_kept_and_a_hit_draws_nobody() -> None:
    play = Play(policy(f"{CACHE}, strategy: load_balanced"), openai=[GOOD])
    play.scripts["azure"] += [Answer(200, said("Ho"))]
    assert sight(await play.chat()) == Sight(200, "Ho", "azure", 1, True)
    play.dice.share = 0.0
    assert sight(await play.chat()) == Sight(200, "Hi", "openai", 1)
    for share in (0.0, 1.0):
        play.dice.share = share
        seen = await play.chat()
        assert (sight(seen), seen.asked) == (HIT, [])


@pairs("Cached Adapt")
async def test_an_answer_to_what_a_question_was_made_into_answers_no_other() -> None:
    play = Play(policy(CACHE, openai="models: {gpt-4o: old}"), openai=[GOOD, GOOD])
    assert models(await play.chat()) == ["old"]
    assert sight(await play.chat()) == HIT
    play.reload(policy(CACHE, openai="models: {gpt-4o: new}"))
    seen = await play.chat()
    assert (sight(seen), models(seen)) == (Sight(200, "Hi", "openai", 1), ["new"])


@pairs("Cached Retry", "Sequential Retry")
async def test_what_the_second_attempt_brought_is_kept_and_stands_in_when_all_have_failed() -> None:
    text = policy(CACHE, openai=f"{TWICE}, breaker: {{consecutive: 9}}")
    play = Play(text, openai=[DOWN, GOOD, DOWN, DOWN], azure=[DOWN])
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 2), 4.0)
    assert sight(await play.chat()) == HIT
    play.clock.pass_time(90.0)
    seen = await play.chat()
    assert seen.asked == ["openai", "openai", "azure"]
    stale = "stale answer, 94 s old"
    assert sight(seen) == Sight(200, "Hi", "openai", 3, True, source="stale", degraded=stale)


@pairs("Cached Hold")
async def test_of_an_answer_that_was_held_twice_the_whole_one_is_kept_once() -> None:
    text = policy(f"{CACHE}, mid_stream: hold", openai=f"{TWICE}, breaker: {{consecutive: 9}}")
    play = Play(text, openai=[CUT, Stream()])
    seen = await play.chat(stream=True)
    assert (sight(seen), _stored(seen)) == (Sight(200, "Hello world", "openai", 2), True)
    again = await play.chat(stream=True)
    assert again.body == seen.body == b"".join(WHOLE_STREAM)


@pairs("Cached Limited")
async def test_a_hit_needs_no_place_and_an_old_answer_stands_in_for_want_of_one() -> None:
    play = Play(policy(CACHE, "targets: [openai]", openai=ONE_AT_A_TIME), openai=[GOOD])
    await play.chat()
    assert standing(play).places.take_now()
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (HIT, 0.0)
    play.clock.pass_time(90.0)
    seen = await play.chat()
    stale = Sight(200, "Hi", "openai", 0, True, source="stale", degraded="stale answer, 95 s old")
    assert (sight(seen), seen.asked, seen.took_s) == (stale, [], 5.0)
    standing(play).places.give()


@pairs("Cached Guard")
async def test_a_hit_asks_for_no_permit_and_an_old_answer_stands_in_for_one() -> None:
    play = Play(policy(CACHE, "targets: [openai]"), openai=[GOOD])
    await play.chat()
    shut(play)
    assert sight(await play.chat()) == HIT
    assert standing(play).breaker.state == "open", "nobody has probed it"
    play.clock.pass_time(60.0)
    shut(play, left_s=30.0)
    seen = await play.chat()
    stale = Sight(200, "Hi", "openai", 0, True, source="stale", degraded="stale answer, 90 s old")
    assert (sight(seen), seen.asked) == (stale, [])


@pairs("Cached FirstByte")
@pytest.mark.parametrize(
    ("stream", "act", "status"),
    [
        pytest.param(False, Answer(200, error("overloaded")), 200, id="an error in a 200"),
        pytest.param(False, Answer(200, b"<html>"), 502, id="a page"),
        pytest.param(True, Stream(sse(error("overloaded"))), 200, id="an error event"),
    ],
)
async def test_what_is_an_error_under_a_good_status_is_not_kept(
    stream: bool, act: Act, status: int
) -> None:
    play = Play(policy(CACHE, "targets: [openai]", openai="breaker: {consecutive: 9}"))
    play.scripts["openai"] += [act, act]
    for _ in range(2):
        seen = await play.chat(stream=stream)
        assert (seen.status, seen.asked, _stored(seen)) == (status, ["openai"], False)
    assert verdict(play) == ("closed", 2)


@pairs("Cached Fastest")
async def test_another_model_of_the_same_provider_that_wins_is_not_kept() -> None:
    route = f"{CACHE}, strategy: fastest, hedge_after: 1s"
    play = Play(policy(route, "targets: [openai, {upstream: openai, model: small}]"))
    play.scripts["openai"] += [after(9.0), after(0.5, "Ho")]
    seen = await play.chat()
    assert (sight(seen), _stored(seen)) == (Sight(200, "Ho", "openai", 2), False)
