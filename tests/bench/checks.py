"""What it costs to look after a healthy call: breaker, health, limits, budget, deadline, and so on.

The compiled tree of a route is run against a provider that answers at once, with nothing on the
wire; then each layer less, from the outside in, so that the difference of two is what one costs.
"""

import time
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

import orjson
import uvloop
from multidict import CIMultiDict

from proxy.cache.memory import MemoryStore
from proxy.core.call import Call, Face, Operation
from proxy.core.clock import SystemClock, SystemDice
from proxy.core.event import Event
from proxy.core.handler import Handler
from proxy.core.journal import Journal
from proxy.core.reply import End, Reply, Source, Whole
from proxy.engine.compile import compile_program
from proxy.engine.parts import Parts
from proxy.policy.document import Source as PolicySource
from proxy.policy.load import load
from proxy.resilience.standing.state import Standings
from tests.plays.stage import said

CALLS = 1_000
ROUNDS = 25
LIMIT_US = 20.0

POLICY = """
version: 1
defaults:
  breaker: {slow_call: 60s}
  limit: {concurrency: 256}
upstreams:
  openai: {dialect: openai, url: "http://127.0.0.1:1"}
  other: {dialect: openai, url: "http://127.0.0.1:2", api_key: k}
routes:
  - name: chat
    match: {upstream: openai, operation: chat}
    targets: [openai, other]
    strategy: %s
    deadline: 1m
    mid_stream: resume
    last_resort: mock
"""
_NOT_A_CHECK = ("FirstByte", "Send")
"""The first reads the answer, the second sends the call: they are the work itself."""


class _AtOnce:
    """A provider that answers at once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._answer = orjson.dumps(said("Hi"))
        self._headers = CIMultiDict(
            {
                "Content-Type": "application/json",
                "x-ratelimit-limit-requests": "10000",
                "x-ratelimit-remaining-requests": "9999",
                "x-ratelimit-reset-requests": "6ms",
            }
        )

    async def handle(self, call: Call) -> Reply:
        return Reply(
            200, self._headers, Whole(self._answer), source=Source.UPSTREAM, target=self._name
        )


def _unheard(event: Event, journal: Journal | None) -> None:
    """Telling is not what is measured."""


def _tree(strategy: str) -> Handler:
    clock, dice = SystemClock(), SystemDice()
    parts = Parts(
        clock=clock,
        dice=dice,
        hear=_unheard,
        standings=Standings(clock, _unheard),
        store=MemoryStore(clock),
        send=lambda upstream, origins, dialect: _AtOnce(upstream.name),
        local=lambda dialect: _AtOnce("local"),
        passthrough=_AtOnce("passthrough"),
    )
    snapshot = load((PolicySource("bench.yaml", POLICY % strategy),), {})
    program = compile_program(snapshot, parts)
    return program.by_route["chat", "openai"].inner


def _inner(handler: Handler) -> Handler | None:
    """What a layer is around; of a strategy, its first target."""
    settings: Mapping[str, Any] = {
        field.name: getattr(handler, field.name)
        for field in fields(handler)  # type: ignore[arg-type]
    }
    if "targets" in settings:
        first: Handler = settings["targets"][0].handler
        return first
    return settings.get("inner")


def _call(clock: SystemClock) -> Call:
    headers = CIMultiDict(
        {"Authorization": "Bearer k", "x-stainless-retry-count": "0", "x-stainless-timeout": "600"}
    )
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}'
    return Call(
        id="us-0",
        method="POST",
        upstream="openai",
        path="/v1/chat/completions",
        headers=headers,
        body=body,
        face=Face.BASE_URL,
        dialect="openai",
        operation=Operation.CHAT,
        model="gpt-4o",
        stream=False,
        journal=Journal("us-0", clock, _unheard),
    )


async def _cpu_us(handler: Handler) -> float:
    """CPU microseconds of one call through `handler`."""
    clock = SystemClock()
    began = time.process_time()
    for _ in range(CALLS):
        reply = await handler.handle(_call(clock))
        await reply.close(End.COMPLETE)
    return (time.process_time() - began) / CALLS * 1e6


async def _layers(strategy: str) -> list[tuple[str, float]]:
    """Each layer of the route's tree, from the outside in, and what it costs with all within it:
    the best of several rounds, in turns, so that what else the machine does falls on all alike."""
    tree: list[Handler] = []
    handler: Handler | None = _tree(strategy)
    while handler is not None and type(handler).__name__ not in _NOT_A_CHECK:
        tree.append(handler)
        handler = _inner(handler)
    assert handler is not None  # FirstByte is there, or everything would have been a check
    tree.append(handler)
    best = [float("inf")] * len(tree)
    for _ in range(ROUNDS):
        for at, layer in enumerate(tree):
            best[at] = min(best[at], await _cpu_us(layer))
    return [(type(layer).__name__, cost) for layer, cost in zip(tree, best, strict=True)]


def main() -> None:
    """Print the table. Takes some ten seconds."""
    for strategy in ("sequential", "load_balanced", "fastest"):
        measured = uvloop.run(_layers(strategy))
        print(f"\nchecks of a healthy call, {strategy}: CPU microseconds")
        for (name, cost), (_, within) in pairwise(measured):
            print(f"  {name:14} {cost - within:6.2f}")
        total = measured[0][1] - measured[-1][1]
        print(f"  {'together':14} {total:6.2f}   (limit {LIMIT_US:g})")
