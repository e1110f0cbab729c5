"""The app hangs up, or we stop, in every phase of a call: nothing runs on, nothing is held, nobody
is blamed, one end is told."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from proxy.core.event import AttemptStarted, CacheLooked, CacheOutcome, CallEnded
from proxy.core.reply import STOPPING, End
from tests.clock import settle
from tests.plays.aftermath import watched
from tests.plays.sight import (
    ALL_THREE,
    BEGUN,
    CUT,
    FLOWING,
    HELD_BACK,
    ONE_AT_A_TIME,
    STALLED,
    TWICE,
    ended,
    hang_up,
    policy,
    shut,
    standing,
)
from tests.plays.stage import (
    DOWN,
    GOOD,
    HELLO,
    ROLE,
    WORLD,
    Act,
    Play,
    Silence,
    Stream,
    delta,
    sse,
)

HEDGE = "strategy: fastest, hedge_after: 2s"
RACE = "strategy: fastest, hedge_after: 0s"
RESUME, HOLD = "mid_stream: resume", "mid_stream: hold"
PATIENT = f"{TWICE}, breaker: {{consecutive: 9}}"
HALF = Stream((b'{"choices": [',), end="stall", headers={"Content-Type": "application/json"})
GOING_ON = Stream(sse(ROLE, HELLO, WORLD), end="stall")
NOT_YET = Stream(sse(ROLE, delta(content="Hel")), end="stall")


class Phase(NamedTuple):
    """Where a call is when `seconds` have passed: it waits for `at`. `taken`: its only place is;
    `begun`: the app has a part of the answer."""

    at: str
    seconds: float
    policy: str
    openai: list[Act]
    azure: list[Act] = []  # noqa: RUF012
    third: list[Act] = []  # noqa: RUF012
    stream: bool = True
    taken: bool = False
    begun: bool = False


PHASES = {
    "queueing for a place": Phase("openai", 1.0, policy(openai=ONE_AT_A_TIME), [], taken=True),
    "queueing as a hedge": Phase(
        "azure", 3.0, policy(HEDGE, azure=ONE_AT_A_TIME), [Silence()], taken=True
    ),
    "at once": Phase("openai", 0.0, policy(), [Silence()], stream=False),
    "before the headers": Phase("openai", 1.0, policy(), [Silence()], stream=False),
    "in a plain answer": Phase("openai", 1.0, policy(), [HALF], stream=False),
    "before a stream's headers": Phase("openai", 1.0, policy(), [Silence()]),
    "before the first word": Phase("openai", 1.0, policy(), [HELD_BACK]),
    "in mid-stream": Phase("openai", 5.0, policy(), [FLOWING], begun=True),
    "in a stream that stalls": Phase("openai", 1.0, policy(), [STALLED], begun=True),
    "between two attempts": Phase("openai", 2.0, policy(openai=PATIENT), [DOWN]),
    "at the second attempt": Phase("openai", 5.0, policy(openai=PATIENT), [DOWN, HELD_BACK]),
    "at the second target": Phase("azure", 1.0, policy(), [DOWN], [HELD_BACK]),
    "in the second's stream": Phase("azure", 1.0, policy(), [DOWN], [STALLED], begun=True),
    "a balanced one": Phase("azure", 1.0, policy("strategy: load_balanced"), [], [HELD_BACK]),
    "with a hedge to come": Phase("openai", 1.0, policy(HEDGE), [Silence()]),
    "with a hedge": Phase("azure", 3.0, policy(HEDGE), [HELD_BACK], [Silence()]),
    "with a hedge between two attempts": Phase(
        "azure", 3.0, policy(HEDGE, azure=PATIENT), [Silence()], [DOWN]
    ),
    "in a race of three": Phase(
        "third", 1.0, policy(RACE, ALL_THREE), [Silence()], [HELD_BACK], [Silence()]
    ),
    "in the winner's stream": Phase("azure", 1.0, policy(RACE), [Silence()], [STALLED], begun=True),
    "held": Phase("openai", 5.0, policy(HOLD), [FLOWING]),
    "held at the second target": Phase("azure", 1.0, policy(HOLD), [CUT], [STALLED]),
    "held at two in a race": Phase("azure", 1.0, policy(f"{HOLD}, {RACE}"), [STALLED], [STALLED]),
    "the rest is asked for": Phase("azure", 1.0, policy(RESUME), [CUT], [Silence()], begun=True),
    "the rest is held back": Phase("azure", 1.0, policy(RESUME), [CUT], [HELD_BACK], begun=True),
    "the rest is compared": Phase("azure", 1.0, policy(RESUME), [CUT], [NOT_YET], begun=True),
    "in the rest": Phase("azure", 1.0, policy(RESUME), [CUT], [GOING_ON], begun=True),
    "two race for the rest": Phase(
        "third",
        1.0,
        policy(f"{RESUME}, {RACE}", ALL_THREE),
        [CUT],
        [Stream([0.5, *sse(ROLE)], end="stall"), Silence()],
        [Silence(), Silence()],
        begun=True,
    ),
}


def _cases() -> Iterator[object]:
    for (name, phase), word, probing in product(PHASES.items(), (None, STOPPING), (False, True)):
        if not (probing and DOWN in (phase.openai, phase.azure)[phase.at == "azure"]):
            how = ("hanging up" if word is None else "stopping") + probing * ", probing"
            yield pytest.param(phase, word, probing, id=f"{name}, {how}")


@pytest.mark.parametrize(("phase", "word", "probing"), list(_cases()))
async def test_a_call_that_is_ended_leaves_nothing(
    phase: Phase, word: str | None, probing: bool
) -> None:
    with watched() as watch:
        play = Play(phase.policy, openai=phase.openai, azure=phase.azure, third=phase.third)
        if probing:
            shut(play, phase.at)
        waited_for = standing(play, phase.at)
        assert not phase.taken or waited_for.places.take_now()
        task = await play.begin(play.asks(stream=phase.stream), phase.seconds)
        if probing and not phase.taken:
            assert waited_for.breaker.state == "half_open", "the call is what probes it"
        before = _opinions(play)
        await hang_up(task, word)
        assert _opinions(play) == before, "nobody is blamed, and nobody praised"
        if phase.taken:
            waited_for.places.give()
        watch.nothing_is_left()

    (told,) = [event for event in play.events if isinstance(event, CallEnded)]
    assert play.events[-1] is told, "its end is the last that is told of a call"
    if word is None or phase.begun:
        assert task.cancelled()
        assert told.end is End.ABANDONED
    else:
        assert (task.result().status, task.result().json["error"]["type"]) == (503, "stopping")
    asked = len(play.asked)
    play.clock.pass_time(1000.0)
    await settle()
    assert len(play.asked) == asked, "nobody is asked on behalf of who has left"
    for acts in play.scripts.values():
        acts[:] = [GOOD]
    assert (await play.chat()).status == 200, "the next one finds nothing in its way"


def _opinions(play: Play) -> list[object]:
    """What is thought of each provider."""
    known = [standing(play, name) for name in ("openai", "azure", "third")]
    return [(one.breaker.state, one.health.report(), one.quotas.share) for one in known]


async def test_who_hangs_up_leaves_the_others_alone() -> None:
    play = Play(policy(), openai=[FLOWING, Stream([*BEGUN, 4.0, *sse(WORLD)])])
    leaving = await play.begin(play.asks(stream=True), 1.0)
    staying = await play.begin(play.asks(stream=True), 1.0)
    await hang_up(leaving)
    assert b" world" in (await ended(play, staying)).body


async def test_the_end_of_an_abandoned_stream_says_how_far_it_came() -> None:
    play = Play(policy(), openai=[FLOWING])
    await hang_up(await play.begin(play.asks(stream=True), 5.0))
    (told,) = [event for event in play.events if isinstance(event, CallEnded)]
    assert told.bytes_sent == len(b"".join((*BEGUN, *sse(delta(content=".")) * 2)))
    assert (told.status, told.target, told.duration_s) == (200, "openai", 5.0)
    assert len([event for event in play.events if isinstance(event, AttemptStarted)]) == 1


async def test_an_answer_that_is_abandoned_is_not_kept() -> None:
    play = Play(policy("cache: {ttl: 10m}"), openai=[FLOWING, Stream()])
    await hang_up(await play.begin(play.asks(stream=True), 5.0))
    seen = await play.chat(stream=True)
    assert seen.asked == ["openai"]
    looks = [event.outcome for event in seen.told(CacheLooked)]
    assert looks == [CacheOutcome.MISS, CacheOutcome.STORED]
