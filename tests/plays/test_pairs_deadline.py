"""The deadline of the whole call, and each layer within it."""

from tests.dialects.gemini import parts as gemini
from tests.plays.pairs import pairs
from tests.plays.sight import (
    CUT,
    FLOWING,
    HELD_BACK,
    ONE_AT_A_TIME,
    STALLED,
    TWICE,
    Sight,
    after,
    made_up,
    models,
    policy,
    shut,
    sight,
    standing,
    verdict,
)
from tests.plays.stage import DOWN, GOOD, Answer, Play, Silence, Stream, error

TOO_LATE = Sight(504, "timeout.total", "openai", 1)
"""Somebody was asked, and the time was up."""


@pairs("Deadline Sequential", "Deadline FirstByte")
async def test_who_was_given_all_the_time_is_cut_short_and_nobody_is_asked_after() -> None:
    play = Play(policy("deadline: 6s"), openai=[HELD_BACK])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, seen.took_s) == (TOO_LATE, ["openai"], 6.0)
    assert verdict(play) == verdict(play, "azure") == ("closed", 0), "it had no fair chance"


@pairs("Deadline LastResort", "Deadline Hold", "LastResort Hold")
async def test_a_held_answer_that_is_not_whole_in_time_is_made_up_for() -> None:
    route = "deadline: 9s, mid_stream: hold, last_resort: mock"
    play = Play(policy(route), openai=[FLOWING])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, seen.took_s) == (made_up(1), ["openai"], 9.0)
    assert verdict(play) == ("closed", 0), "it was under way"


@pairs("Deadline Cached", "Cached Retry")
async def test_an_old_answer_stands_in_when_the_time_for_another_attempt_is_up() -> None:
    route = "deadline: 4s, cache: {ttl: 1m, stale_if_error: 1h}"
    play = Play(policy(route, openai=TWICE), openai=[GOOD, DOWN], azure=[Silence()])
    await play.chat()
    play.clock.pass_time(90.0)
    seen = await play.chat()
    stale = Sight(200, "Hi", "openai", 2, True, source="stale", degraded="stale answer, 94 s old")
    assert (sight(seen), seen.asked, seen.took_s) == (stale, ["openai", "azure"], 4.0)
    play.scripts["openai"] += [GOOD]
    play.clock.pass_time(30.0)
    assert sight(await play.chat()) == Sight(200, "Hi", "openai", 1), "it was not kept anew"


@pairs("Deadline Resume")
async def test_who_goes_on_with_a_stream_has_no_more_time_than_was_left() -> None:
    play = Play(policy("deadline: 8s, mid_stream: resume"), openai=[STALLED], azure=[Silence()])
    seen = await play.chat(stream=True)
    broken = Sight(200, "Hello", "openai", 1, whole=False)
    assert (sight(seen), seen.asked, seen.took_s) == (broken, ["openai", "azure"], 8.0)
    assert verdict(play) == ("open", 1), "it fell silent"
    assert verdict(play, "azure") == ("closed", 0), "it had three seconds"


@pairs("Deadline Resume", "Deadline Adapt", "Resume Adapt", "Adapt Retry")
async def test_a_refused_prefill_is_not_made_good_when_the_time_is_up() -> None:
    refused = Answer(400, error("no prefill", "invalid_request_error"), wait_s=3.0)
    text = policy("deadline: 8s, mid_stream: resume", azure="prefill: true")
    play = Play(text, openai=[CUT], azure=[refused, Silence()])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello", "openai", 1, whole=False)
    assert (seen.asked, seen.took_s) == (["openai", "azure", "azure"], 8.0)


@pairs("Deadline Fastest", "Fastest FirstByte")
async def test_the_time_of_a_race_is_up_for_all_at_once() -> None:
    route = "deadline: 6s, strategy: fastest, hedge_after: 2s"
    play = Play(policy(route), openai=[Silence()], azure=[HELD_BACK])
    seen = await play.chat(stream=True)
    assert sight(seen) == TOO_LATE._replace(attempts=2)
    assert (seen.asked, seen.took_s) == (["openai", "azure"], 6.0)
    assert verdict(play) == verdict(play, "azure") == ("closed", 0)


@pairs("Deadline Balanced", "Balanced FirstByte")
async def test_what_the_deadline_cuts_short_makes_nobody_the_worse_choice() -> None:
    text = policy("deadline: 6s, strategy: load_balanced")
    play = Play(text, openai=[HELD_BACK], azure=[HELD_BACK])
    for first in (0.0, 1.0):
        play.dice.share = first
        seen = await play.chat(stream=True)
        assert (seen.status, len(seen.asked), seen.took_s) == (504, 1, 6.0)
    assert play.asked == ["openai", "azure"]
    assert [play.loads.of(name, 0.0).well for name in ("openai", "azure")] == [1.0, 1.0]


@pairs("Deadline Retry")
async def test_no_wait_is_begun_that_the_deadline_would_end() -> None:
    text = policy("deadline: 7s", openai="retry: {attempts: 3}, breaker: {consecutive: 9}")
    play = Play(text, openai=[DOWN, DOWN], azure=[GOOD])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Hi", "azure", 3, True)
    assert (seen.asked, seen.took_s) == (["openai", "openai", "azure"], 4.0)


@pairs("Deadline Limited")
async def test_who_waits_for_a_place_leaves_the_queue_at_the_deadline() -> None:
    play = Play(policy("deadline: 3s", openai=ONE_AT_A_TIME))
    places = standing(play).places
    assert places.take_now()
    seen = await play.chat()
    assert sight(seen) == Sight(504, "timeout.total", "openai", 0)
    assert (seen.asked, seen.took_s, places.waiting) == ([], 3.0, 0)
    places.give()


@pairs("Deadline Guard", "Guard FirstByte")
async def test_a_probe_that_is_cut_short_leaves_its_turn_to_the_next() -> None:
    play = Play(policy("deadline: 6s"), openai=[HELD_BACK, GOOD])
    shut(play)
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked) == (TOO_LATE, ["openai"])
    assert verdict(play) == ("half_open", 0), "no news of it"
    assert sight(await play.chat()) == Sight(200, "Hi", "openai", 1)
    assert verdict(play) == ("closed", 0)


@pairs("Deadline Adapt", "Sequential Adapt")
async def test_the_time_is_the_same_whatever_the_question_was_made_into() -> None:
    text = policy("deadline: 7s", openai="models: {gpt-4o: a}", azure="models: {gpt-4o: b}")
    play = Play(text, openai=[Answer(503, error("down"), wait_s=4.0)], azure=[after(9.0)])
    seen = await play.chat()
    assert sight(seen) == Sight(503, "timeout.total", "openai", 2)
    assert (seen.asked, models(seen), seen.took_s) == (["openai", "azure"], ["a", "b"], 7.0)


UNCOMMENTED = """
version: 1
upstreams:
  gemini: {dialect: gemini, url: "https://gemini.example", retry: {attempts: 1}}
routes:
  - {name: chat, match: {upstream: gemini}, targets: [gemini], mid_stream: hold}
"""


@pairs("Deadline Hold")
async def test_an_app_that_cannot_be_kept_waiting_is_not_left_without_a_word() -> None:
    """Its dialect has no comments: all the time that an answer is held, the app hears nothing."""
    slow = [gemini.sent(gemini.text("Hi")), *[2.0, gemini.sent(gemini.text("."))] * 9]
    play = Play(UNCOMMENTED, gemini=[Stream(slow)])
    path = "/v1beta/models/gemini-pro:streamGenerateContent?alt=sse"
    told = {"x-stainless-read-timeout": "5"}
    seen = await play.serve(play.call({"contents": []}, path, upstream="gemini", headers=told))
    assert (seen.status, seen.asked, seen.took_s) == (504, ["gemini"], 4.75)
    assert verdict(play, "gemini") == ("closed", 0)
