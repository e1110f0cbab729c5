"""Policies that the tests of this room drill, and how they are drilled."""

import asyncio
from collections.abc import Sequence

from proxy.drill.clock import Clocks
from proxy.drill.drill import Drill
from proxy.drill.find import subjects
from proxy.drill.judge import Row
from proxy.drill.scenario import Scenario
from proxy.drill.scenarios.table import SCENARIOS
from proxy.drill.subject import Subject
from proxy.policy.document import Source
from proxy.policy.load import load
from proxy.policy.snapshot import Snapshot

UPSTREAMS = """
version: 1
upstreams:
  first: {dialect: openai, url: https://api.openai.com}
  second: {dialect: openai, url: https://api.groq.com/openai, api_key: sk-secret}
"""


def loaded(text: str) -> Snapshot:
    return load([Source("a.yaml", text)], {})


def route(**settings: object) -> Snapshot:
    """A route for chats from `first`, to `second` as a rule, with more settings as YAML."""
    wanted = {"match": "{upstream: first, operation: chat}", "targets": "[first, second]"}
    lines = [f"    {name}: {value}" for name, value in (wanted | settings).items()]
    return loaded("\n".join([UPSTREAMS, "routes:", "  - name: chat", *lines]))


def found(snapshot: Snapshot) -> tuple[Subject, ...]:
    return subjects(snapshot, has_local=False)[0]


def scenario(name: str) -> Scenario:
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def drilled(snapshot: Snapshot, scenarios: Sequence[Scenario]) -> list[Row]:
    """The rows of the routes alone, in a loop of its own."""
    clocks = Clocks()

    async def rows() -> list[Row]:
        drill = Drill(snapshot, scenarios, clocks)
        return [row async for scored in drill.run() for row in scored.rows if scored.subject.route]

    with asyncio.Runner(loop_factory=clocks.loop) as runner:
        return runner.run(rows())
