"""The mark of a play in which two layers meet, and which layers can.

    @pairs("Deadline Hold", "LastResort Hold")
    async def test_a_held_answer_that_is_late_is_made_up_for() -> None: ...

When a marked play is over, both layers of each pair must have stood in one branch of a tree that
it was played in, and nothing may be left of it (see `aftermath`).
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import wraps
from itertools import combinations
from typing import Any

from proxy.engine.compile import Program
from proxy.engine.explain import node
from tests.plays.aftermath import watched

Pair = tuple[str, str]
"""The outer layer, and the one within it."""

Test = Callable[..., Awaitable[None]]
_FRAME = ("Observe", "Target")
"""Observe is around all of every play, and a Target is no layer."""


def pairs(*names: str) -> Callable[[Test], Test]:
    """Each name is that of two layers, the outer one first."""
    marked = {(outer, inner) for outer, inner in (name.split() for name in names)}

    def mark(test: Test) -> Test:
        @wraps(test)
        async def played(*args: Any, **named: Any) -> None:
            with watched() as watch:
                await test(*args, **named)
                watch.nothing_is_left()
            met = {pair for play in watch.plays for pair in pairs_in(play.program)}
            assert marked <= met, f"not in one tree: {marked - met}"

        vars(played)["pairs"] = marked
        return played

    return mark


def pairs_of(test: object) -> set[Pair]:
    """Those that a test is marked with."""
    found: set[Pair] = getattr(test, "pairs", set())
    return found


def pairs_in(program: Program) -> set[Pair]:
    """Of layers one of which is within the other."""
    trees = (*program.by_route.values(), *program.by_upstream.values())
    return {
        pair
        for tree in trees
        for branch in branches(node(tree))
        for pair in combinations(branch, 2)
    }


def branches(tree: Mapping[str, Any]) -> Iterator[list[str]]:
    """The layers from the outermost to each of the innermost; who answers in the end is none."""
    inside: list[Mapping[str, Any]] = []
    for value in tree.values():
        several = value if isinstance(value, list) else [value]
        inside += [each for each in several if isinstance(each, dict) and "layer" in each]
    here = [] if not inside or tree["layer"] in _FRAME else [tree["layer"]]
    if not inside:
        yield here
    for each in inside:
        for branch in branches(each):
            yield here + branch
