"""The layers around one target, two at a time."""

import orjson
import pytest

from proxy.core.event import BreakerMoved, PassedOver, StreamBroke
from proxy.core.failure import FailureKind
from tests.plays.pairs import pairs
from tests.plays.sight import (
    BEGUN,
    CUT,
    HELD_BACK,
    KEYLESS,
    ONE_AT_A_TIME,
    STALLED,
    TWICE,
    Sight,
    ended,
    models,
    policy,
    shut,
    sight,
    standing,
    verdict,
)
from tests.plays.stage import (
    DONE,
    DOWN,
    GOOD,
    WHOLE_STREAM,
    Act,
    Answer,
    Play,
    Stream,
    error,
    sse,
)

HOLD = "mid_stream: hold"
PATIENT = "breaker: {consecutive: 9}"
WHOLE = Sight(200, "Hello world", "openai", 1)


@pairs("Adapt Retry")
async def test_every_attempt_asks_the_same_and_each_target_has_its_own_number_of_them() -> None:
    targets = "targets: [openai, {upstream: azure, model: big, set: {top_p: 1}, max_retries: 2}]"
    text = policy("", targets, openai=PATIENT, azure=PATIENT)
    play = Play(text, openai=[DOWN], azure=[DOWN, DOWN, GOOD])
    seen = await play.chat()
    assert sight(seen) == Sight(200, "Hi", "azure", 4, True)
    assert (models(seen), seen.took_s) == (["gpt-4o", "big", "big", "big"], 8.0)
    own, *others = [call.body for call in seen.calls]
    assert len(set(others)) == 1
    assert orjson.loads(others[0]) == {**orjson.loads(own), "model": "big", "top_p": 1}


@pairs("Adapt Hold")
async def test_a_held_answer_to_another_question_is_the_answer_byte_for_byte() -> None:
    text = policy(HOLD, openai="models: {gpt-4o: a}", azure="models: {gpt-4o: b}")
    play = Play(text, openai=[CUT], azure=[Stream()])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert (models(seen), seen.body) == (["a", "b"], b"".join(WHOLE_STREAM))
    assert [event.target for event in seen.told(StreamBroke)] == ["openai"]


@pairs("Adapt Limited")
async def test_who_cannot_be_asked_waits_for_no_place() -> None:
    play = Play(policy(azure=f"{KEYLESS}, {ONE_AT_A_TIME}"), openai=[DOWN])
    assert standing(play, "azure").places.take_now()
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(503, "down", "openai", 1), 0.0)
    assert [event.kind for event in seen.told(PassedOver)] == [None], "it has no key"
    standing(play, "azure").places.give()


@pairs("Adapt Guard")
async def test_who_cannot_be_asked_takes_no_probe_and_bears_no_blame() -> None:
    play = Play(policy("", "targets: [azure, openai]", azure=KEYLESS), openai=[GOOD], azure=[GOOD])
    shut(play, "azure")
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (Sight(200, "Hi", "openai", 1), ["openai"])
    assert verdict(play, "azure") == ("open", 0), "its turn to be probed is still to come"
    assert sight(await play.chat(upstream="azure")) == Sight(200, "Hi", "azure", 1)
    assert verdict(play, "azure") == ("closed", 0)


@pairs("Adapt Guard")
@pytest.mark.parametrize(("called", "blamed"), [("openai", "azure"), ("azure", "")])
async def test_a_key_of_ours_is_blamed_and_one_of_the_apps_is_not(called: str, blamed: str) -> None:
    refusal = Answer(401, error("no", code="invalid_api_key"))
    play = Play(policy(), openai=[DOWN], azure=[refusal])
    seen = await play.chat(upstream=called)
    assert (seen.status, seen.asked[-1]) == (503 if blamed else 401, "azure")
    assert verdict(play, "azure") == (("open", 1) if blamed else ("closed", 0))


@pairs("Retry Hold", "Retry Guard", "Hold Guard")
async def test_a_break_while_it_is_held_is_a_failed_attempt_like_any_other() -> None:
    play = Play(policy(HOLD, openai=f"{TWICE}, {PATIENT}"), openai=[CUT, Stream()])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.took_s) == (WHOLE._replace(attempts=2), 4.0)
    assert seen.asked == ["openai", "openai"]
    assert seen.body == b"".join(WHOLE_STREAM), "nothing of the first"
    assert verdict(play) == ("closed", 1)


@pairs("Retry Guard")
async def test_no_attempt_is_made_behind_a_breaker_that_has_just_opened() -> None:
    last = Answer(500, error("the last word"))
    text = policy("", "targets: [openai]", openai="retry: {attempts: 9}, breaker: {consecutive: 2}")
    play = Play(text, openai=[DOWN, last])
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(500, "the last word", "openai", 2), 8.0)
    assert verdict(play) == ("open", 2)


@pairs("Retry Limited")
async def test_who_waits_for_its_next_attempt_lets_others_have_its_place() -> None:
    play = Play(policy(openai=f"{ONE_AT_A_TIME}, {TWICE}, {PATIENT}"), openai=[DOWN, GOOD, GOOD])
    first = await play.begin(play.asks(), 2.0)
    assert standing(play).places.in_use == 0
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 1), 0.0)
    seen = await ended(play, first)
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 2), 4.0)


@pairs("Retry Limited")
async def test_to_have_no_place_is_no_reason_for_another_attempt() -> None:
    every = "retry: {attempts: 3, on: [all]}"
    play = Play(policy(openai=f"{ONE_AT_A_TIME}, {every}"), azure=[GOOD], openai=[DOWN])
    places = standing(play).places
    task = await play.begin(play.asks(), 1.0)
    assert places.take_now()
    seen = await ended(play, task)
    assert (seen.status, seen.asked, seen.took_s) == (200, ["openai", "azure"], 9.0)
    places.give()


@pairs("Retry FirstByte")
@pytest.mark.parametrize(
    ("act", "asked", "took_s"),
    [
        pytest.param(Stream(sse(error("overloaded"))), ["openai", "openai"], 4.0, id="its error"),
        pytest.param(HELD_BACK, ["openai", "azure"], 10.0, id="its silence"),
    ],
)
async def test_an_error_as_the_first_event_is_worth_another_attempt_and_a_silence_is_not(
    act: Act, asked: list[str], took_s: float
) -> None:
    text = policy(openai=f"{TWICE}, {PATIENT}")
    play = Play(text, openai=[act, Stream()], azure=[Stream()])
    seen = await play.chat(stream=True)
    assert (seen.status, seen.body) == (200, b"".join(WHOLE_STREAM))
    assert (seen.asked, seen.took_s) == (asked, took_s)
    assert verdict(play) == ("closed", 1)


@pairs("Hold Limited", "Retry Hold")
async def test_the_place_of_what_broke_while_it_was_held_is_there_for_its_next_attempt() -> None:
    play = Play(policy(HOLD, openai=f"{ONE_AT_A_TIME}, {TWICE}, {PATIENT}"))
    play.scripts["openai"] += [Stream([*BEGUN, 3.0], end="cut"), Stream([*BEGUN, 3.0, *sse(DONE)])]
    task = await play.begin(play.asks(stream=True), 2.0)
    assert standing(play).places.in_use == 1, "it is held"
    seen = await ended(play, task)
    assert (sight(seen), seen.asked) == (
        WHOLE._replace(words="Hello", attempts=2),
        ["openai", "openai"],
    )
    assert seen.took_s == 3.0 + 4.0 + 3.0


@pairs("Hold Guard")
async def test_a_probe_that_breaks_while_it_is_held_has_failed_and_one_that_ends_has_not() -> None:
    play = Play(policy(HOLD), openai=[CUT, Stream()], azure=[Stream()])
    shut(play)
    seen = await play.chat(stream=True)
    assert (seen.asked, verdict(play)) == (["openai", "azure"], ("open", 1))
    play.clock.pass_time(30.0)
    assert sight(await play.chat(stream=True)) == WHOLE
    assert verdict(play) == ("closed", 1)
    moves = [event.after for event in play.events if isinstance(event, BreakerMoved)]
    assert moves == ["open", "half_open", "open", "half_open", "closed"]


@pairs("Hold FirstByte")
@pytest.mark.parametrize(
    ("act", "kind", "took_s"),
    [
        pytest.param(HELD_BACK, FailureKind.TIMEOUT_FIRST_BYTE, 10.0, id="no first word"),
        pytest.param(STALLED, FailureKind.TIMEOUT_IDLE, 5.0, id="no second word"),
        pytest.param(
            Stream([9.0, *BEGUN, 4.0], end="cut"), FailureKind.BROKEN_STREAM, 13.0, id="no end"
        ),
    ],
)
async def test_however_long_it_is_held_each_silence_has_its_own_limit(
    act: Stream, kind: FailureKind, took_s: float
) -> None:
    play = Play(policy(HOLD), openai=[act], azure=[Stream()])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert (seen.took_s, standing(play).health.last_kind) == (took_s, kind)


@pairs("Limited Guard")
async def test_who_had_to_wait_until_the_breaker_opened_is_not_let_through() -> None:
    down = Answer(503, error("down"), wait_s=3.0)
    play = Play(policy(openai=ONE_AT_A_TIME), openai=[down], azure=[GOOD, GOOD])
    first, second = [await play.begin(play.asks()) for _ in range(2)]
    seen = [await ended(play, task) for task in (first, second)]
    assert [sight(one).target for one in seen] == ["azure", "azure"]
    assert [one.took_s for one in seen] == [3.0, 3.0]
    assert play.asked == ["openai", "azure", "azure"]
    assert [event.kind for event in play.events if isinstance(event, PassedOver)] == [
        FailureKind.CIRCUIT_OPEN
    ]


@pairs("Limited Guard")
async def test_a_probe_that_waits_for_a_place_holds_no_permit() -> None:
    play = Play(policy(openai=ONE_AT_A_TIME), openai=[GOOD])
    shut(play)
    places = standing(play).places
    assert places.take_now()
    waiting = await play.begin(play.asks(), 2.0)
    assert verdict(play) == ("open", 0), "nobody probes it yet"
    places.give()
    assert sight(await ended(play, waiting)) == Sight(200, "Hi", "openai", 1)
    assert verdict(play) == ("closed", 0)


@pairs("Limited FirstByte")
async def test_a_silent_one_has_its_place_until_its_first_word_is_too_late() -> None:
    text = policy(openai="limit: {concurrency: 1, wait: 20s}, " + PATIENT)
    play = Play(text, openai=[HELD_BACK, Stream()], azure=[Stream()])
    first = await play.begin(play.asks(stream=True), 1.0)
    second = await play.begin(play.asks(stream=True), 1.0)
    seen = await ended(play, second)
    assert (sight(seen), seen.took_s) == (WHOLE, 9.0)
    assert sight(await ended(play, first)) == Sight(200, "Hello world", "azure", 2, True)
