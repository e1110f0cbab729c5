"""A call that is ended at every single turn of the loop, one after the other: wherever it happens
to wait, and whatever else happens in the same moment."""

import asyncio
from itertools import count

import pytest

from proxy.core.reply import STOPPING
from tests.plays.aftermath import watched
from tests.plays.sight import ALL_THREE, BEGUN, ONE_AT_A_TIME, policy, standing
from tests.plays.stage import DOWN, WHOLE_STREAM, Play, Seen, Stream

WAYS = [
    ("fastest, hedge_after: 1s", "hold"),
    ("fastest, hedge_after: 1s", "resume"),
    ("load_balanced", "resume"),
]
REVERSED = "targets: [third, azure, openai]"
TURNS = 5
"""Of the loop, between two moments of the clock."""


def _play(strategy: str, mid_stream: str) -> Play:
    """All that a call can go through: attempts, breaks, silences, waits for a place."""
    route = f"deadline: 20s, strategy: {strategy}, mid_stream: {mid_stream}, last_resort: mock"
    retry = "retry: {attempts: 2, on: [unavailable, broken_stream], backoff: {initial: 1s}}"
    known = f"{ONE_AT_A_TIME}, {retry}, breaker: {{consecutive: 9}}"
    targets = REVERSED if strategy == "load_balanced" else ALL_THREE  # the last is drawn first
    text = policy(f"{route}, cache: {{ttl: 1m}}", targets, openai=known, azure=known)
    cut = Stream([1.0, *BEGUN, 1.0], end="cut")
    slow = Stream([1.0, *WHOLE_STREAM[:2], 1.0, *WHOLE_STREAM[2:]])
    return Play(
        text, openai=[DOWN, cut, DOWN], azure=[DOWN, cut, slow, slow], third=[slow, slow, slow]
    )


async def _go_on(play: Play, turns: int) -> None:
    for turn in range(turns):
        await asyncio.sleep(0)
        if turn % TURNS == TURNS - 1:
            _tick(play)


def _tick(play: Play) -> None:
    if (due_s := play.clock.next_due) is not None:
        play.clock.pass_time(due_s)


@pytest.mark.parametrize(
    ("meanwhile", "word"),
    [("", None), ("timer first", STOPPING), ("timer last", STOPPING), ("place", None)],
)
@pytest.mark.parametrize(("strategy", "mid_stream"), WAYS)
async def test_wherever_it_ends_nothing_is_left(
    strategy: str, mid_stream: str, meanwhile: str, word: str | None
) -> None:
    """What happens in the same moment: a timer rings just before or after, or a place is free."""
    for turn in count():
        with watched() as watch:
            play = _play(strategy, mid_stream)
            places = standing(play, "azure").places
            assert meanwhile != "place" or places.take_now()
            task = asyncio.create_task(play._serve(play.asks(stream=True)))
            await _go_on(play, turn)
            if meanwhile == "place":
                places.give()
            if task.done():
                break
            if meanwhile == "timer first":
                _tick(play)
            task.cancel(word)
            if meanwhile == "timer last":
                _tick(play)
            told = await _end(task)
            assert told in ([()] if word is None else [(word,), ("stopping",)])
            watch.nothing_is_left()
    assert turn > 30, "it was a long call"


async def _end(task: "asyncio.Task[Seen]") -> tuple[object, ...]:
    """What came out: the word of a cancellation, or what the app was told."""
    try:
        seen = await task
    except asyncio.CancelledError as cancelled:
        return cancelled.args
    return (seen.json["error"]["type"],)
