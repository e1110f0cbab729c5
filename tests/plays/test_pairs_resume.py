"""A stream that breaks and is gone on with, and each layer within that."""

import pytest

from proxy.core.event import PassedOver, Resumed, StreamBroke
from proxy.core.failure import FailureKind
from proxy.core.reply import End
from tests.plays.pairs import pairs
from tests.plays.sight import (
    ALL_THREE,
    ALONE,
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
    DOWN,
    HELLO,
    ROLE,
    WHOLE_STREAM,
    WORLD,
    Answer,
    Play,
    Silence,
    Stream,
    error,
    sse,
)

RESUME = "mid_stream: resume"
JOINED = Sight(200, "Hello world", "openai", 1)
BY_AZURE = [Resumed("openai", "azure", FailureKind.BROKEN_STREAM)]
BY_THIRD = [Resumed("openai", "third", FailureKind.BROKEN_STREAM)]


@pairs("Resume Sequential")
async def test_who_failed_before_the_first_word_is_not_asked_to_go_on() -> None:
    play = Play(policy(RESUME, ALL_THREE), openai=[DOWN], azure=[CUT], third=[Stream()])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 2, True)
    assert seen.asked == ["openai", "azure", "third"]
    assert seen.told(Resumed) == [Resumed("azure", "third", FailureKind.BROKEN_STREAM)]
    assert [verdict(play, name)[0] for name in ("openai", "azure", "third")] == [
        "open",
        "open",
        "closed",
    ]


@pairs("Resume Fastest")
async def test_who_lost_the_race_may_go_on_when_the_winner_breaks() -> None:
    late = Stream([9.0, *WHOLE_STREAM])
    play = Play(policy(f"{RESUME}, strategy: fastest, hedge_after: 1s"))
    play.scripts["openai"] += [Stream([2.0, *BEGUN, 1.0], end="cut")]
    play.scripts["azure"] += [late, Stream()]
    seen = await play.chat(stream=True)
    assert sight(seen) == JOINED._replace(attempts=2)
    assert (seen.asked, seen.took_s) == (["openai", "azure", "azure"], 3.0)
    assert seen.told(Resumed) == BY_AZURE
    assert verdict(play) == ("open", 1)
    assert verdict(play, "azure") == ("closed", 0)


@pairs("Resume Fastest")
async def test_those_who_may_go_on_race_for_it_too() -> None:
    play = Play(policy(f"{RESUME}, strategy: fastest, hedge_after: 1s", ALL_THREE))
    play.scripts["openai"] += [CUT]
    play.scripts["azure"] += [Silence()]
    play.scripts["third"] += [Stream([2.0, *WHOLE_STREAM])]
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, seen.took_s) == (JOINED, ["openai", "azure", "third"], 3.0)
    assert seen.told(Resumed) == BY_THIRD
    assert verdict(play, "azure") == ("closed", 0), "it was called off"


@pairs("Resume Balanced")
async def test_whoever_was_drawn_another_goes_on_and_each_has_its_own_end() -> None:
    play = Play(policy(f"{RESUME}, strategy: load_balanced"), openai=[Stream()], azure=[CUT])
    seen = await play.chat(stream=True)
    assert sight(seen) == Sight(200, "Hello world", "azure", 1, True)
    assert seen.asked == ["azure", "openai"]
    assert play.loads.of("azure", 0.0).well < 1.0 == play.loads.of("openai", 0.0).well
    assert (verdict(play), verdict(play, "azure")) == (("closed", 0), ("open", 1))


@pairs("Resume Adapt", "Adapt FirstByte")
async def test_who_goes_on_is_asked_in_its_own_words_and_once_more_where_it_refuses_them() -> None:
    refusal = Answer(400, error("no prefill", "invalid_request_error"))
    text = policy(RESUME, ALL_THREE, azure=KEYLESS, third="prefill: true, models: {gpt-4o: t}")
    play = Play(text, openai=[CUT], third=[refusal, Stream()])
    seen = await play.chat(stream=True)
    assert (sight(seen), models(seen)) == (JOINED, ["gpt-4o", "t", "t"])
    assert b'"role":"assistant","content":"Hello"' in seen.calls[1].body
    assert b'"assistant"' not in seen.calls[2].body
    assert [event.target for event in seen.told(PassedOver)] == ["azure"], "it has no key"
    assert verdict(play, "third") == ("closed", 0)


@pairs("Resume Retry")
async def test_who_goes_on_has_its_attempts_and_who_broke_has_no_more() -> None:
    text = policy(RESUME, openai=TWICE, azure=f"{TWICE}, breaker: {{consecutive: 9}}")
    play = Play(text, openai=[CUT], azure=[DOWN, Stream()])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.took_s) == (JOINED, 4.0)
    assert seen.asked == ["openai", "azure", "azure"]
    assert seen.told(Resumed) == BY_AZURE


@pairs("Resume Limited")
async def test_the_place_of_who_broke_is_free_while_another_goes_on() -> None:
    text = policy(RESUME, openai=f"{ONE_AT_A_TIME}, breaker: {{consecutive: 9}}")
    play = Play(text, openai=[CUT, Stream()], azure=[Stream([3.0, *WHOLE_STREAM])])
    first = await play.begin(play.asks(stream=True), 1.0)
    assert standing(play).places.in_use == 0
    second = await play.chat(stream=True, headers=ALONE)
    assert (sight(second), second.took_s) == (JOINED, 0.0)
    assert (await ended(play, first)).end is End.COMPLETE


@pairs("Resume Limited")
async def test_who_has_no_place_for_the_rest_is_passed_over() -> None:
    play = Play(policy(RESUME, ALL_THREE, azure=ONE_AT_A_TIME), openai=[CUT], third=[Stream()])
    assert standing(play, "azure").places.take_now()
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked, seen.took_s) == (JOINED, ["openai", "third"], 5.0)
    assert [(each.target, each.kind) for each in seen.told(PassedOver)] == [
        ("azure", FailureKind.LIMIT)
    ]
    standing(play, "azure").places.give()


@pairs("Resume Guard")
async def test_who_goes_on_may_be_on_trial_and_who_is_shut_is_not_asked() -> None:
    play = Play(policy(RESUME, ALL_THREE), openai=[CUT], third=[Stream()])
    shut(play, "third")
    shut(play, "azure", left_s=10.0)
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked) == (JOINED, ["openai", "third"])
    assert seen.told(Resumed) == BY_THIRD
    assert (verdict(play), verdict(play, "third")) == (("open", 1), ("closed", 0))


@pairs("Resume Guard")
async def test_a_probe_that_goes_on_and_breaks_has_failed() -> None:
    play = Play(policy(RESUME), openai=[CUT], azure=[Stream(sse(ROLE, HELLO, WORLD), end="cut")])
    shut(play, "azure")
    seen = await play.chat(stream=True)
    assert sight(seen) == JOINED._replace(whole=False)
    assert [event.target for event in seen.told(StreamBroke)] == ["azure"]
    assert verdict(play, "azure") == ("open", 1)


@pairs("Resume FirstByte")
@pytest.mark.parametrize(
    ("act", "kind", "took_s"),
    [
        pytest.param(HELD_BACK, FailureKind.TIMEOUT_FIRST_BYTE, 10.0, id="no word"),
        pytest.param(Stream(sse(error("overloaded"))), FailureKind.UNAVAILABLE, 0.0, id="error"),
        pytest.param(STALLED, FailureKind.TIMEOUT_IDLE, 5.0, id="no word that is new"),
    ],
)
async def test_who_says_nothing_useful_gives_way_to_the_next(
    act: Stream, kind: FailureKind, took_s: float
) -> None:
    play = Play(policy(RESUME, ALL_THREE), openai=[CUT], azure=[act], third=[Stream()])
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.asked) == (JOINED, ["openai", "azure", "third"])
    assert (seen.took_s, seen.told(Resumed)) == (took_s, BY_THIRD)
    assert verdict(play, "azure") == ("open", 1)
    assert standing(play, "azure").health.last_kind is kind
