"""Every two layers that can stand in one tree meet in a play."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from itertools import product
from pathlib import Path

from proxy.engine import compile as compiling
from proxy.engine.explain import node
from tests.plays.pairs import Pair, branches, pairs_in, pairs_of
from tests.plays.stage import Play

STRATEGIES = ("sequential", "fastest", "load_balanced")
MID_STREAM = ("error", "resume", "hold")
EVERYTHING = """
version: 1
defaults: {limit: {concurrency: 9}}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com"}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai]
    strategy: STRATEGY
    mid_stream: MID_STREAM
    deadline: 10s
    cache: {ttl: 10m}
    last_resort: mock
"""
NO_LAYERS = {"Observe", "Program", "Target", "Nobody", "Mock", "Listed"}
"""What compile knows beside them: the frame of every tree, who answers in the end, and who is asked
for hosts of no upstream."""


def _trees() -> Iterator[Play]:
    """With all that can be switched on, in every combination of what excludes one another."""
    for strategy, mid_stream in product(STRATEGIES, MID_STREAM):
        yield Play(EVERYTHING.replace("STRATEGY", strategy).replace("MID_STREAM", mid_stream))


def _possible() -> set[Pair]:
    return {pair for play in _trees() for pair in pairs_in(play.program)}


def _played() -> dict[Pair, list[str]]:
    """The plays of each pair, from all files of this room."""
    found: dict[Pair, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.plays.{path.stem}")
        for name, test in vars(module).items():
            for pair in pairs_of(test):
                found.setdefault(pair, []).append(f"{path.stem}.{name}")
    return found


def _told(pairs: set[Pair]) -> str:
    return ", ".join(sorted(f"{outer} x {inner}" for outer, inner in pairs))


def test_every_pair_has_a_play() -> None:
    possible, played = _possible(), set(_played())
    assert not played - possible, f"these never meet: {_told(played - possible)}"
    assert not possible - played, f"no play has {_told(possible - played)}"


def test_every_layer_is_in_a_tree() -> None:
    known = {
        name
        for name, value in vars(compiling).items()
        if isinstance(value, type) and is_dataclass(value) and hasattr(value, "handle")
    }
    seen = {
        layer
        for play in _trees()
        for tree in play.program.by_route.values()
        for branch in branches(node(tree))
        for layer in branch
    }
    assert seen == known - NO_LAYERS
    assert len(_possible()) == 74, "of 13 layers; two that exclude one another are no pair"
