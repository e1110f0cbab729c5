"""What plays of two layers share: policies over three providers, acts, and what the app saw as one
value."""

import asyncio
from typing import NamedTuple

import orjson

from proxy.core.failure import FailureKind
from proxy.core.reply import End
from proxy.mock.text import stand_in_text
from proxy.resilience.standing.state import Standing
from tests.plays.stage import HELLO, ROLE, STOP, Answer, Play, Seen, Stream, delta, said, sse

POLICY = """
version: 1
defaults:
  retry: {attempts: 1, backoff: {initial: 4s, factor: 1}}
  timeout: {first_byte: 10s, idle: 5s, total: 60s}
  breaker: {consecutive: 1, open: 30s}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com", OPENAI}
  azure: {dialect: openai, url: "https://azure.example", AZURE}
  third: {dialect: openai, url: "https://third.example", THIRD}
routes:
  - {name: alone, match: {upstream: openai, headers: {x-alone: "1"}}, targets: [openai]}
  - {name: chat, match: {upstream: openai}, TARGETS, ROUTE}
"""
ALONE = {"x-alone": "1"}
ALL_THREE = "targets: [openai, azure, third]"
ONE_AT_A_TIME = "limit: {concurrency: 1, wait: 5s}"
TWICE = "retry: {attempts: 2, on: [unavailable, broken_stream]}"
KEYLESS = 'api_key: "${NO_KEY}"'

BEGUN = sse(ROLE, HELLO)
CUT = Stream(BEGUN, end="cut")
STALLED = Stream(BEGUN, end="stall")
HELD_BACK = Stream(sse(ROLE), end="stall")
FLOWING = Stream([*BEGUN, *[2.0, *sse(delta(content="."))] * 20, *sse(STOP)])
GOOD_DAY = Stream(sse(ROLE, delta(content="Good day"), STOP))
MADE_UP = stand_in_text("openai")


def policy(
    route: str = "",
    targets: str = "targets: [openai, azure]",
    *,
    openai: str = "",
    azure: str = "",
    third: str = "",
) -> str:
    """`openai` first, then `azure`: asked once each, with a breaker that opens at once, and no
    cache. The words are keys of the route and of the upstreams, as they stand in a policy."""
    text = POLICY.replace("TARGETS", targets)
    for name, more in {"ROUTE": route, "OPENAI": openai}.items():
        text = text.replace(f", {name}", f", {more}" if more else "")
    for name, more in {"AZURE": azure, "THIRD": third}.items():
        text = text.replace(name, more if "api_key" in more else f"api_key: k, {more}")
    return text.replace(", }", "}")


def after(wait_s: float, words: str = "Hi") -> Answer:
    return Answer(200, said(words), wait_s=wait_s)


class Sight(NamedTuple):
    """What the app saw: the status, the words (of an error its code, or else its message), who
    answered after how many calls of providers, and whether that was all of it."""

    status: int
    words: str
    target: str
    attempts: int
    fallback: bool = False
    whole: bool = True
    source: str = "upstream"
    degraded: str = ""


def made_up(attempts: int) -> Sight:
    """A stand-in."""
    degraded = "mock answer"
    return Sight(200, MADE_UP, "mock", attempts, True, source="mock", degraded=degraded)


def sight(seen: Seen) -> Sight:
    marks = {name.lower(): value for name, value in seen.headers.items()}
    return Sight(
        status=seen.status,
        words=_words(seen),
        target=marks["x-understudy-target"],
        attempts=int(marks["x-understudy-attempts"]),
        fallback=marks.get("x-understudy-fallback") == "true",
        whole=seen.end is End.COMPLETE,
        source=marks["x-understudy-source"],
        degraded=marks.get("x-understudy-degraded", ""),
    )


def _words(seen: Seen) -> str:
    if seen.headers["Content-Type"].startswith("text/event-stream"):
        events = [event for event in seen.body.split(b"\n\n") if event.startswith(b"data: {")]
        told = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
        choices = [choice for event in told for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)
    if "error" in seen.json:
        return str(seen.json["error"]["code"] or seen.json["error"]["message"])
    return str(seen.json["choices"][0]["message"]["content"])


def models(seen: Seen) -> list[str]:
    """The models that providers were asked for, in order."""
    return [str(call.model) for call in seen.calls]


async def ended(play: Play, task: "asyncio.Task[Seen]") -> Seen:
    """What a call that was begun comes to."""

    async def wait() -> Seen:
        return await task

    return await play.clock.run(wait())


async def hang_up(task: "asyncio.Task[Seen]", word: str | None = None) -> None:
    """The app goes in the middle of a call; or we do, and say so with a `word`."""
    assert not task.done(), "the play was to stop in the middle"
    task.cancel(word)
    await asyncio.wait([task])


def standing(play: Play, name: str = "openai") -> Standing:
    return play.standings.of(play.program.snapshot.upstreams[name])


def verdict(play: Play, name: str = "openai") -> tuple[str, int]:
    """The state of its breaker, and the failures that its health has counted."""
    one = standing(play, name)
    return one.breaker.state, one.health.report().failure_count


def shut(play: Play, name: str = "openai", left_s: float = 0.0) -> None:
    """Open its breaker, with `left_s` to go until it may be probed; its health knows nothing."""
    breaker = standing(play, name).breaker
    while breaker.refusal() is None:
        breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
    play.clock.pass_time(breaker.retry_after_s - left_s)
