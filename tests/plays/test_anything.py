"""Many calls at once through any policy, at providers that do anything: nothing is left behind, and
no word of an answer is lost, doubled or put in another place."""

import asyncio
import random
from functools import partial
from typing import Any

import orjson
import pytest

from proxy.core.clock import SystemDice
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, Bug
from proxy.core.failure import FailureKind
from proxy.core.reply import STOPPING, End
from proxy.dialects.frames import Frames
from tests.clock import settle
from tests.plays.stage import ROLE, Act, Answer, Play, Refuse, Seen, Silence, Stream, delta, error
from tests.plays.stage import said as whole

POLICY = """
version: 1
defaults:
  retry: {attempts: ATTEMPTS, on: [all]}
  timeout: {idle: 5s, total: 40s, first_byte: 10s}
  breaker: {consecutive: 2, open: 7s, probes: PROBES}
  limit: {concurrency: 2, wait: 4s}
  health: {rest: 6s}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com"}
  b: {dialect: openai, url: "https://b.example", api_key: k}
  c: {dialect: openai, url: "https://c.example", api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    strategy: STRATEGY
    targets: [openai, b, {upstream: c, on: [all]}]
    mid_stream: MODE
    when_all_open: OPEN
    MORE
"""
CHOICES = {
    "ATTEMPTS": ("1", "2", "3"),
    "PROBES": ("1", "2"),
    "STRATEGY": (
        "sequential",
        "load_balanced",
        "fastest",
        "fastest\n    hedge_after: 0s",
        "fastest\n    hedge_after: 1s",
        "fastest\n    hedge_after: 1s\n    extra_calls: 1",
    ),
    "MODE": ("error", "resume", "hold"),
    "OPEN": ("fail", "try"),
    "MORE": ("", "last_resort: mock", "cache: {ttl: 1s, stale_if_error: 1h}", "deadline: 9s"),
}
TEXT = "Grüße, 世界! 🎉 A line\nbreak, and words enough that there is something to cut — the end."
OTHER = "Something else: " + TEXT
CALLS = 12
ACTS = 400
WAITS = (0.0, 0.5, 2.0, 6.0)
FAILURES = (
    Answer(503, error("down"), wait_s=1.0),
    Answer(503, error("down")),
    Answer(429, error("slow down", "requests"), {"retry-after": "5"}),
    Answer(400, error("bad", "invalid_request_error")),
    Answer(401, error("no", "invalid_request_error", "invalid_api_key")),
    Refuse(),
    Refuse(FailureKind.TIMEOUT_CONNECT, sent=False),
    Silence(),
)


def _an_act(rng: random.Random, stream: bool) -> Act:
    if rng.random() < 0.25:
        return rng.choice(FAILURES)
    if not stream:
        return Answer(200, whole(TEXT), wait_s=rng.choice(WAITS))
    separator = rng.choice((b"\n\n", b"\r\n\r\n", b"\r\r"))
    events = _events(rng, TEXT if rng.random() < 0.8 else OTHER)
    end = rng.choice(("clean", "clean", "cut", "stall", "error"))
    if end != "clean":
        events = events[: rng.randrange(1, len(events))]
    if end == "error":
        events.append(b"data: " + orjson.dumps(error("boom")))
    told = b"".join(event + separator for event in events)
    if end == "cut":
        told = told[: len(told) - rng.randrange(8)]
    return Stream(_chunks(rng, told), end="clean" if end == "error" else end)


def _events(rng: random.Random, text: str) -> list[bytes]:
    deltas = [ROLE]
    while text:
        length = rng.randint(1, 12)
        deltas.append(delta(content=text[:length]))
        text = text[length:]
    events = [b"data: " + orjson.dumps(each) for each in (*deltas, delta(finish="stop"))]
    events.insert(rng.randrange(len(events)), b": ping")
    return events + [b"data: [DONE]"] * rng.randint(0, 1)


def _chunks(rng: random.Random, told: bytes) -> list[bytes | float]:
    chunks: list[bytes | float] = [rng.choice(WAITS)]
    while told:
        length = rng.choice((1, 3, 50, 200, 5000))
        chunks += [told[:length], rng.choice(WAITS)] if rng.random() < 0.05 else [told[:length]]
        told = told[length:]
    return chunks


def _text_of(seen: Seen) -> str:
    """What the app makes of its events, but for one that tells of an error."""
    told = [event.data for event in Frames().feed(seen.body + b"\n\n")]
    said = [orjson.loads(data) for data in told if not data.startswith(b"[DONE]")]
    deltas = [choice["delta"] for each in said for choice in each.get("choices", ())]
    return "".join(each.get("content") or "" for each in deltas)


async def _calls(play: Play, rng: random.Random, stream: bool) -> "list[asyncio.Task[Seen]]":
    async def later(wait_s: float, headers: dict[str, str]) -> Seen:
        await play.clock.sleep(wait_s)
        return await play._serve(play.asks(stream=stream, headers=headers))

    def hang_up(task: "asyncio.Task[Seen]", word: str | None) -> None:
        task.cancel(word)

    tasks = []
    for _ in range(CALLS):
        patience = rng.choice(
            ({}, {"x-stainless-read-timeout": "8"}, {"x-understudy-timeout": "6"})
        )
        tasks.append(asyncio.create_task(later(rng.choice((0.0, 0.0, 1.0, 5.0, 15.0)), patience)))
        if rng.random() < 0.2:
            word = rng.choice((STOPPING, None))
            play.clock.call_later(rng.uniform(0.0, 12.0), partial(hang_up, tasks[-1], word))
    await settle()
    while not all(task.done() for task in tasks):
        due_s = play.clock.next_due
        assert due_s is not None, "everybody waits, and no timer is set"
        play.clock.pass_time(due_s + rng.choice((0.0, 0.0, rng.random())))
        await settle()
    return tasks


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    stream, policy = rng.random() < 0.7, POLICY
    for key, words in CHOICES.items():
        policy = policy.replace(key, rng.choice(words))
    scripts: Any = {
        name: [_an_act(rng, stream) for _ in range(ACTS)] for name in ("openai", "b", "c")
    }
    play = Play(policy, dice=SystemDice(seed), **scripts)
    another = policy.replace("concurrency: 2", "concurrency: 1").replace("open: 7s", "open: 2s")
    if rng.random() < 0.3:
        play.clock.call_later(3.0, lambda: play.reload(another))
    tasks = await _calls(play, rng, stream)

    assert not [event.error for event in play.events if isinstance(event, Bug)]
    for seen in [task.result() for task in tasks if not task.cancelled()]:
        if "event-stream" in seen.headers["Content-Type"]:
            _tells_what_was_said(seen)
    _leaves_nothing(play)


def _tells_what_was_said(seen: Seen) -> None:
    if seen.headers["x-understudy-source"] == "mock":
        return
    text = _text_of(seen)
    if seen.end is End.COMPLETE and b'"error"' not in seen.body:
        assert text in (TEXT, OTHER)
    else:
        assert TEXT.startswith(text) or OTHER.startswith(text)


def _leaves_nothing(play: Play) -> None:
    for upstream in play.program.snapshot.upstreams.values():
        standing = play.standings.of(upstream)
        assert (standing.places.in_use, standing.places.waiting) == (0, 0)
        assert play.loads.of(upstream.name, 0.0).in_flight == 0
    assert all(body.closed for body in play.bodies)
    play.clock.pass_time(1000.0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    kinds = [type(event) for event in play.events]
    assert kinds.count(AttemptStarted) <= kinds.count(AttemptEnded) + kinds.count(AttemptCancelled)
