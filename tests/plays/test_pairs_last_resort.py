"""The stand-in for when everybody has failed, and each layer within it."""

import pytest

from tests.plays.pairs import pairs
from tests.plays.sight import (
    BEGUN,
    CUT,
    GOOD_DAY,
    HELD_BACK,
    KEYLESS,
    ONE_AT_A_TIME,
    STALLED,
    Sight,
    made_up,
    policy,
    shut,
    sight,
    standing,
    verdict,
)
from tests.plays.stage import DOWN, GOOD, Act, Answer, Play, Stream, error, sse

LAST = "last_resort: mock"
WRONG = Answer(400, error("no", "invalid_request_error"))


@pairs("LastResort Cached")
async def test_an_old_answer_is_better_than_none_and_none_is_kept() -> None:
    route = f"cache: {{ttl: 1m, stale_if_error: 1h}}, {LAST}"
    play = Play(policy(route, openai="breaker: {consecutive: 9}"), openai=[DOWN, GOOD, DOWN, DOWN])
    play.scripts["azure"] += [DOWN, DOWN, DOWN]
    assert sight(await play.chat()) == made_up(2)
    assert play.store.stats().entries == 0
    assert sight(await play.chat()) == Sight(200, "Hi", "openai", 1)
    play.clock.pass_time(90.0)
    stale = Sight(200, "Hi", "openai", 2, True, source="stale", degraded="stale answer, 90 s old")
    assert sight(await play.chat()) == stale
    play.clock.pass_time(4000.0)
    assert sight(await play.chat()) == made_up(2)


@pairs("LastResort Resume")
async def test_nothing_is_made_up_behind_what_somebody_has_said() -> None:
    play = Play(policy(f"mid_stream: resume, {LAST}"), openai=[CUT, HELD_BACK], azure=[GOOD_DAY])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello", "openai", 1, whole=False)
    assert seen.asked == ["openai", "azure"]
    assert verdict(play) == ("open", 1)
    assert verdict(play, "azure") == ("closed", 0), "another answer is no failure"
    play.scripts["azure"] += [Stream(sse(error("overloaded")))]
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked) == (made_up(1), ["azure"]), "nobody had said anything"


@pairs("LastResort Sequential", "LastResort FirstByte", "Sequential FirstByte")
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(Stream(sse(error("overloaded"))), id="an error event first"),
        pytest.param(Stream(sse(*BEGUN[:1]), end="cut"), id="a cut before the first word"),
        pytest.param(HELD_BACK, id="a silence before the first word"),
        pytest.param(Answer(200, error("overloaded")), id="an error in a 200"),
    ],
)
async def test_what_never_said_a_word_was_no_answer(act: Act) -> None:
    play = Play(policy(LAST), openai=[act], azure=[act])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked) == (made_up(2), ["openai", "azure"])
    assert verdict(play) == verdict(play, "azure") == ("open", 1)


@pairs("LastResort Fastest")
async def test_a_race_that_nobody_wins_is_made_up_for_when_the_last_has_failed() -> None:
    route = f"strategy: fastest, hedge_after: 1s, {LAST}"
    slow, slower = Answer(503, error("down"), wait_s=3.0), Answer(503, error("down"), wait_s=5.0)
    play = Play(policy(route), openai=[slower], azure=[slow])
    seen = await play.chat()
    assert (sight(seen), seen.asked, seen.took_s) == (made_up(2), ["openai", "azure"], 5.0)


@pairs("LastResort Balanced")
async def test_the_apps_own_mistake_is_told_also_where_it_was_found_second() -> None:
    play = Play(policy(f"strategy: load_balanced, {LAST}"), openai=[WRONG, DOWN], azure=[DOWN])
    seen = await play.chat()
    assert seen.asked == ["azure", "openai"]
    assert (seen.status, seen.headers["x-understudy-source"]) == (400, "upstream")
    assert sight(await play.chat()) == made_up(1), "azure's breaker is open"
    assert play.asked == ["azure", "openai", "openai"]


@pairs("LastResort Adapt")
async def test_where_nobody_can_be_asked_it_answers() -> None:
    play = Play(policy(LAST, "targets: [azure, third]", azure=KEYLESS, third=KEYLESS))
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (made_up(0), [])
    assert "Proxy-Status" not in seen.headers, "who was not asked did not fail"


@pairs("LastResort Retry")
@pytest.mark.parametrize(("hint", "asked", "took_s"), [("2", 2, 4.0), ("3600", 1, 0.0)])
async def test_it_waits_for_every_attempt_that_is_due_and_for_no_other(
    hint: str, asked: int, took_s: float
) -> None:
    limited = Answer(429, error("slow down"), {"Retry-After": hint})
    text = policy(LAST, "targets: [openai]", openai="retry: {attempts: 2}")
    play = Play(text, openai=[limited] * 2)
    seen = await play.chat()
    assert (sight(seen), seen.asked, seen.took_s) == (made_up(asked), ["openai"] * asked, took_s)


@pairs("LastResort Hold", "Sequential Hold")
async def test_of_what_broke_while_it_was_held_the_app_sees_nothing() -> None:
    play = Play(policy(f"mid_stream: hold, {LAST}"), openai=[CUT], azure=[STALLED])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, seen.took_s) == (made_up(2), ["openai", "azure"], 5.0)
    assert b"Hello" not in seen.body


@pairs("LastResort Limited", "Sequential Limited")
async def test_it_answers_when_nobody_has_a_place() -> None:
    play = Play(policy(LAST, openai=ONE_AT_A_TIME, azure=ONE_AT_A_TIME))
    for name in ("openai", "azure"):
        assert standing(play, name).places.take_now()
    seen = await play.chat()
    assert (sight(seen), seen.asked, seen.took_s) == (made_up(0), [], 10.0)
    assert verdict(play) == verdict(play, "azure") == ("closed", 0), "that is our limit"
    for name in ("openai", "azure"):
        standing(play, name).places.give()


@pairs("LastResort Guard", "Sequential Guard")
async def test_it_answers_while_every_breaker_is_open_and_steps_back_when_one_is_not() -> None:
    play = Play(policy(LAST), openai=[GOOD])
    shut(play, "azure", left_s=30.0)
    shut(play, left_s=10.0)
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (made_up(0), [])
    play.clock.pass_time(10.0)
    assert sight(await play.chat()) == Sight(200, "Hi", "openai", 1)
    assert verdict(play) == ("closed", 0)
    assert standing(play, "azure").breaker.state == "open"
