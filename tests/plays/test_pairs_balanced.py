"""Targets that share the calls out, and each layer within them. The dice say who is drawn first:
1.0 the last of them, 0.0 the first."""

from proxy.core.event import FellBack, PassedOver
from proxy.core.failure import FailureKind
from tests.plays.pairs import pairs
from tests.plays.sight import (
    BEGUN,
    HELD_BACK,
    KEYLESS,
    ONE_AT_A_TIME,
    TWICE,
    Sight,
    ended,
    hang_up,
    models,
    policy,
    shut,
    sight,
    standing,
    verdict,
)
from tests.plays.stage import DOWN, GOOD, Play, Silence, Stream

BALANCED = "strategy: load_balanced"


def _load(play: Play, name: str) -> tuple[int, float]:
    """Calls in flight, and how well its last calls went."""
    load = play.loads.of(name, 0.0)
    return load.in_flight, load.well


@pairs("Balanced Adapt")
async def test_who_cannot_be_asked_is_passed_over_and_none_the_worse_for_it() -> None:
    text = policy(BALANCED, openai="models: {gpt-4o: a}", azure=KEYLESS)
    play = Play(text, openai=[GOOD])
    seen = await play.chat()
    assert (sight(seen), models(seen)) == (Sight(200, "Hi", "openai", 1), ["a"])
    assert [(event.target, event.unfit) for event in seen.told(PassedOver)] == [
        ("azure", FailureKind.UNAVAILABLE)
    ]
    assert _load(play, "azure") == (0, 1.0)


@pairs("Balanced Retry")
async def test_who_is_asked_again_is_still_one_call_in_flight() -> None:
    text = policy(BALANCED, azure=f"{TWICE}, breaker: {{consecutive: 9}}")
    play = Play(text, azure=[DOWN, GOOD])
    task = await play.begin(play.asks(), 2.0)
    assert _load(play, "azure") == (1, 1.0), "it waits for its second attempt"
    seen = await ended(play, task)
    assert sight(seen) == Sight(200, "Hi", "azure", 2, True)
    assert _load(play, "azure") == (0, 1.0), "it went well in the end"
    play.scripts["azure"] += [DOWN, DOWN]
    play.scripts["openai"] += [GOOD]
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (
        Sight(200, "Hi", "openai", 3),
        ["azure", "azure", "openai"],
    )
    assert _load(play, "azure") == (0, 0.9)


@pairs("Balanced Hold")
async def test_who_breaks_while_it_is_held_leads_to_the_other() -> None:
    play = Play(policy(f"{BALANCED}, mid_stream: hold"))
    play.scripts["azure"] += [Stream([*BEGUN, 3.0], end="cut")]
    play.scripts["openai"] += [Stream()]
    task = await play.begin(play.asks(stream=True), 2.0)
    assert (_load(play, "azure"), _load(play, "openai")) == ((1, 1.0), (0, 1.0))
    seen = await ended(play, task)
    assert (sight(seen), seen.asked) == (
        Sight(200, "Hello world", "openai", 2),
        ["azure", "openai"],
    )
    assert (_load(play, "azure"), _load(play, "openai")) == ((0, 0.9), (0, 1.0))
    assert (verdict(play, "azure"), verdict(play)) == (("open", 1), ("closed", 0))


@pairs("Balanced Limited")
async def test_who_waits_for_a_place_is_in_flight_and_to_have_none_is_no_fault() -> None:
    play = Play(policy(BALANCED, azure=ONE_AT_A_TIME), openai=[GOOD])
    assert standing(play, "azure").places.take_now()
    task = await play.begin(play.asks(), 2.0)
    assert (_load(play, "azure"), play.asked) == ((1, 1.0), [])
    seen = await ended(play, task)
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 1), 5.0)
    assert [event.kind for event in seen.told(FellBack)] == [FailureKind.LIMIT]
    assert _load(play, "azure") == (0, 1.0)
    standing(play, "azure").places.give()


@pairs("Balanced Limited")
async def test_the_longer_queue_is_the_worse_choice() -> None:
    text = policy(BALANCED, openai=ONE_AT_A_TIME, azure=ONE_AT_A_TIME)
    play = Play(text, openai=[GOOD], azure=[Silence()])
    play.clock.pass_time(60.0)
    waiting = await play.begin(play.asks(), 1.0)
    seen = await play.chat()
    assert (sight(seen), seen.took_s) == (Sight(200, "Hi", "openai", 1), 0.0)
    await hang_up(waiting)


@pairs("Balanced Guard")
async def test_who_is_shut_is_not_drawn_and_begins_slowly_when_it_is_back() -> None:
    play = Play(policy(BALANCED), openai=[GOOD, GOOD], azure=[GOOD])
    play.clock.pass_time(60.0)
    shut(play, "azure", left_s=10.0)
    seen = await play.chat()
    assert (sight(seen), seen.asked) == (Sight(200, "Hi", "openai", 1), ["openai"])
    assert seen.told(PassedOver) == [], "it was not its turn"
    play.clock.pass_time(10.0)
    assert (await play.chat()).asked == ["azure"], "the probe"
    assert verdict(play, "azure") == ("closed", 0)
    assert play.loads.of("azure", 0.0).share(play.clock.now()) == 0.1
    play.dice.share = 0.9
    assert (await play.chat()).asked == ["openai"], "nine of ten calls, for a while"


@pairs("Balanced FirstByte")
async def test_who_lets_the_app_wait_for_the_first_word_is_the_worse_choice() -> None:
    text = policy(BALANCED, azure="breaker: {consecutive: 9}, health: {failures: 9}")
    play = Play(text, openai=[Stream(), Stream()], azure=[HELD_BACK])
    play.clock.pass_time(60.0)
    seen = await play.chat(stream=True)
    assert (sight(seen), seen.took_s) == (Sight(200, "Hello world", "openai", 2), 10.0)
    assert (_load(play, "azure"), verdict(play, "azure")) == ((0, 0.9), ("closed", 1))
