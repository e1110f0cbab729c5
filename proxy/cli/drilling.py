"""What `understudy drill` does: it plays, and prints the scorecard."""

import argparse
import asyncio
import faulthandler
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches

from proxy.cli.flags import chosen_policies
from proxy.drill.card import summary, table
from proxy.drill.clock import Clocks
from proxy.drill.drill import Drill
from proxy.drill.judge import Row
from proxy.drill.scenario import Scenario
from proxy.drill.scenarios.table import SCENARIOS
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.policy.complaint import PolicyError
from proxy.policy.snapshot import Snapshot
from proxy.settings import SettingError

MOST_S = 600.0
"""Of a drill, on the clock of the wall: the longest takes seconds. One that turns in circles
without waiting would never end by itself: it ends with status 1, and shows where it turned."""


def run(chosen: argparse.Namespace) -> int:
    """0 when everything was survived; 1 when something was not; 2 for a wrong policy or name."""
    if chosen.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:<24}{scenario.meaning}")
        return 0
    scenarios = _scenarios(chosen.scenarios)
    try:
        snapshot = load_paths(chosen_policies(chosen), os.environ)
    except (PolicyError, NoPolicy, OSError) as error:
        raise SettingError("\n".join(complaints_of(error))) from error
    for warning in snapshot.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    clocks = Clocks()
    faulthandler.dump_traceback_later(MOST_S, exit=True)
    try:
        with asyncio.Runner(loop_factory=clocks.loop) as runner:
            return runner.run(_drill(snapshot, scenarios, clocks, as_json=chosen.json))
    finally:
        faulthandler.cancel_dump_traceback_later()


def _scenarios(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Those of these names, in the order of the table; all where none is named."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise SettingError(
                f"no scenario is called {name!r}; the nearest is {near!r} (all: drill --list)"
            )
    return tuple(scenario for scenario in SCENARIOS if not names or scenario.name in names)


async def _drill(
    snapshot: Snapshot, scenarios: Sequence[Scenario], clocks: Clocks, *, as_json: bool
) -> int:
    started = time.monotonic()
    drill = Drill(snapshot, scenarios, clocks)
    rows: list[Row] = []
    async for scored in drill.run():
        rows += scored.rows
        if not as_json:
            print("\n".join(table(scored)), end="\n\n", flush=True)
    took_s = time.monotonic() - started
    survived = all(row.survived for row in rows)
    if as_json:
        told = {
            "survived": survived,
            "rows": [asdict(row) for row in rows],
            "notes": drill.notes,
            "took_s": round(took_s, 3),
            "skipped_s": round(drill.skipped_s, 3),
        }
        print(json.dumps(told, indent=2))
    else:
        for note in drill.notes:
            print(f"note: {note}")
        print(summary(rows, took_s, drill.skipped_s))
    return 0 if survived else 1
