"""`python -m tests.bench.soak [REQUESTS] [AT_ONCE]`: very many calls, one in ten with a fault.

A real `understudy serve`, two providers that fail at random in every way there is, and an app that
asks half of the time for a stream. Every question has a number of its own, which its answer has to
repeat. Status 1 where a call was lost, an answer was another's, something was left in flight, or
memory or descriptors grew.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
import uvloop

from proxy.core.call import Operation
from proxy.drill.app.openai import OpenAI
from proxy.drill.faults.good import GOOD
from proxy.drill.faults.table import FAULTS
from proxy.drill.server.turn import Turn
from tests.bench.process import Footprint, footprint
from tests.outside.process import Serving, policy, serving
from tests.provider import Provider

REQUESTS, AT_ONCE = 20_000, 100
FAULTY = 0.1
WORDS = 12
LOOKS = 10
"""How often memory and descriptors are looked at."""

WARM = 0.3
"""The part of the run after which nothing may grow any more: pools are filled by then."""

GROWTH_BYTES = 5 * 2**20
"""Of memory per 10,000 requests, at most: what an allocator leaves behind, and no leak."""

MORE_DESCRIPTORS = 1.2
PATIENCE_S = 30.0
TONGUE = OpenAI()


OFTEN = [fault for name, fault in FAULTS.items() if name != "rate_limit_for_long"]
"""Not who wants to be left alone for a minute: he would be, and nobody would ask him any more."""


@dataclass
class Erring:
    """Repeats the question, and fails one time in ten."""

    random: Random

    async def play(self, turn: Turn) -> None:
        turn.say(answer_to(turn.request.json["messages"][0]["content"]))
        faulty = self.random.random() < FAULTY
        await (self.random.choice(OFTEN) if faulty else GOOD).play(turn)


def answer_to(question: str) -> str:
    return " ".join([question] * WORDS)


def policies(first: Provider, second: Provider) -> str:
    """Breakers go by the share of failures alone: thousands of calls a second have five failures in
    a row by chance, timeouts above all, which ring together."""
    return f"""
version: 1
defaults:
  timeout: {{connect: 2s, first_byte: 1s, idle: 1s, total: 3s}}
  retry: {{backoff: {{initial: 5ms, max: 20ms}}, retry_after_max: 1s}}
  breaker: {{consecutive: 1000000}}
upstreams:
  openai: {{dialect: openai, url: {first.url}}}
  other: {{dialect: openai, url: {second.url}, api_key: sk-other}}
routes:
  - name: chat
    match: {{upstream: openai, operation: chat}}
    targets: [openai, other]
    last_resort: mock
"""


@dataclass
class Tally:
    """What became of the calls so far. `wrong` has those that must not be."""

    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    looks: list[tuple[int, Footprint]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.ended.total()


async def _call(session: aiohttp.ClientSession, url: str, number: int) -> tuple[str, str]:
    """How a call ended, and what is wrong about that."""
    stream = number % 2 == 0
    question = f"n{number:08d}"
    messages = [{"role": "user", "content": question}]
    body = orjson.dumps({"model": "gpt-4o", "messages": messages, "stream": stream})
    heard, whole, source, status = b"", True, "", 0
    headers = {"Content-Type": "application/json"}
    try:
        async with session.post(url, data=body, headers=headers) as answer:
            status, source = answer.status, answer.headers.get("x-understudy-source", "")
            async for chunk in answer.content.iter_any():
                heard += chunk
    except aiohttp.ClientPayloadError:
        whole = False
    except (aiohttp.ClientError, TimeoutError) as error:
        return "lost", f"{question} was lost: {error!r}"
    said = TONGUE.hear(Operation.CHAT, stream, heard)
    wanted = answer_to(question)
    made_up = source == "mock" or b"source=mock" in heard
    if not made_up and not wanted.startswith(said.text):
        return "mixed up", f"{question} got another's answer: {said.text[:100]!r}"
    if whole and status == 200 and said.finished and not said.error:
        if made_up:
            return "made up", ""
        short = said.text != wanted
        return ("short", f"{question} got {said.text!r}") if short else ("whole", "")
    if said.error:
        return ("error" if status >= 400 else "broken, told"), ""
    return "lost", f"{question}: {status}, whole: {whole}, {heard[-200:]!r}"


async def _soak(proxy: Serving, requests: int, at_once: int) -> Tally:
    tally, numbers = Tally(), iter(range(requests))
    url = f"{proxy.listen}/openai/v1/chat/completions"
    step = max(1, requests // LOOKS)
    print(f"{'requests':>10}{'MiB':>8}{'descriptors':>13}  so far", flush=True)

    async def app() -> None:
        for number in numbers:
            ended, wrong = await _call(session, url, number)
            tally.ended[ended] += 1
            if wrong:
                tally.wrong.append(wrong)
            if tally.count % step == 0:
                _look(proxy, tally)

    connector = aiohttp.TCPConnector(limit=at_once)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(at_once):
            group.create_task(app())
    return tally


def _look(proxy: Serving, tally: Tally) -> None:
    seen = footprint(proxy.pid)
    tally.looks.append((tally.count, seen))
    told = ", ".join(f"{count} {ended}" for ended, count in sorted(tally.ended.items()))
    mib = seen.memory_bytes / 2**20
    print(f"{tally.count:>10}{mib:>8.1f}{seen.descriptors:>13}  {told}", flush=True)


def _grown(tally: Tally) -> list[str]:
    """What grew after the warm-up, as far as the run is long enough to tell."""
    warm = [(count, seen) for count, seen in tally.looks if count >= WARM * tally.count]
    if len(warm) < 2:
        return []
    (first, before), (last, after) = warm[0], warm[-1]
    wrong = []
    grown_bytes = after.memory_bytes - before.memory_bytes
    if grown_bytes > max(GROWTH_BYTES, GROWTH_BYTES * (last - first) / 10_000):
        wrong.append(f"memory grew by {grown_bytes / 2**20:.1f} MiB")
    half = len(warm) // 2
    most = max(seen.descriptors for _, seen in warm[:half])
    if max(seen.descriptors for _, seen in warm[half:]) > most * MORE_DESCRIPTORS:
        wrong.append(f"descriptors grew from {most} to {after.descriptors}")
    return wrong


def _left(proxy: Serving, providers: tuple[Provider, ...]) -> list[str]:
    """What is still there a second after the last answer."""
    time.sleep(1.0)
    overall: dict[str, Any] = proxy.status()["overall"]
    wrong = [f"{overall['in_flight']} calls are in flight"] if overall["in_flight"] else []
    for each in providers:
        if each.playing:
            wrong.append(f"the provider {each.name} is still answering {each.playing} requests")
        wrong += [f"the provider {each.name}: {error!r}" for error in each.errors]
    return wrong


def main(requests: int, at_once: int) -> int:
    print(f"{requests} requests, {at_once} at a time, a fault in {FAULTY:.0%}, half streamed")
    started = time.monotonic()
    with (
        Provider("first") as first,
        Provider("second") as second,
        tempfile.TemporaryDirectory() as folder,
    ):
        first.plays(Erring(Random(1)))
        second.plays(Erring(Random(2)))
        with serving(
            policy(Path(folder), policies(first, second)), "--log-level", "error"
        ) as proxy:
            tally = uvloop.run(_soak(proxy, requests, at_once))
            wrong = [*tally.wrong, *_grown(tally), *_left(proxy, (first, second))]
        asked = len(first.requests) + len(second.requests)
    if tally.count != requests:
        wrong.append(f"{requests - tally.count} calls have no end")
    took_s = time.monotonic() - started
    print(f"{took_s:.0f} s; providers were asked {asked} times")
    for one in wrong[:20]:
        print(f"WRONG: {one}")
    if not wrong:
        print("none lost, none mixed up, nothing in flight; memory and descriptors are flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*[*given, *(REQUESTS, AT_ONCE)[len(given) :]]))
