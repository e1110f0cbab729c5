"""A hundred streams at once with the async SDK, faults among them: nobody gets another's answer."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import openai
import pytest
from openai import AsyncOpenAI

from proxy.drill.faults.good import Good
from proxy.drill.faults.table import FAULTS
from proxy.drill.server.turn import Turn
from tests.outside.policies import APP_KEY, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.provider import Provider

STREAMS = 400
AT_ONCE = 100
WORDS = 12
QUICK = [fault for name, fault in FAULTS.items() if "stall" not in name and name != "silence"]


@dataclass
class Echo:
    """Says the question, over and over; one time in ten with a fault."""

    random: Random

    async def play(self, turn: Turn) -> None:
        question = turn.request.json["messages"][0]["content"]
        turn.say(_said(question))
        good = Good(pause_s=self.random.random() * 0.002)
        fault = self.random.choice(QUICK) if self.random.random() < 0.1 else good
        await fault.play(turn)


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = two(providers).replace("0.5s", "5s")
    with serving(policy(tmp_path_factory.mktemp("async"), text)) as running:
        yield running


def _said(question: str) -> str:
    return " ".join([question] * WORDS)


async def _heard(client: AsyncOpenAI, question: str) -> str:
    """How one stream came out: `whole`, `error`, or what was wrong about it."""
    heard, finished = "", False
    asked = [{"role": "user", "content": question}]
    try:
        stream = await client.chat.completions.create(model="gpt-4o", messages=asked, stream=True)
        async for event in stream:
            if event.choices:
                heard += event.choices[0].delta.content or ""
                finished = finished or event.choices[0].finish_reason is not None
    except openai.APIError:
        return "error" if _said(question).startswith(heard) else f"mixed up: {heard}"
    return "whole" if finished and heard == _said(question) else f"wrong: {heard}"


async def _all(proxy: Serving) -> Counter[str]:
    turns = asyncio.Semaphore(AT_ONCE)
    async with AsyncOpenAI(
        base_url=f"{proxy.listen}/openai/v1", api_key=APP_KEY, max_retries=0, timeout=15.0
    ) as client:

        async def one(number: int) -> str:
            async with turns:
                return await _heard(client, f"question-{number}-of-mine")

        return Counter(await asyncio.gather(*map(one, range(STREAMS))))


async def test_every_stream_is_its_own_and_whole_or_an_error(
    proxy: Serving, first: Provider, second: Provider
) -> None:
    first.plays(Echo(Random(1)))
    second.plays(Echo(Random(2)))
    ended = await _all(proxy)
    assert set(ended) <= {"whole", "error"}
    assert ended["whole"] > STREAMS * 0.9
    assert proxy.status()["overall"]["in_flight"] == 0
