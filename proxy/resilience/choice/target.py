"""One place to ask."""

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.core.failure import FailureKind
from proxy.core.handler import Handler
from proxy.resilience.standing.state import Standing


def _the_same(model: str | None) -> str | None:
    return model


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who may answer. `on` says after which failures of those before it.

    `standing` is None for who is no upstream, and so has none. `weight` is its share of the calls
    beside the others', where they are shared out. `sends` has its own name for a model.
    """

    name: str
    on: frozenset[FailureKind]
    handler: Handler
    standing: Standing | None = field(default=None, repr=False)
    weight: float = 1.0
    sends: Callable[[str | None], str | None] = field(default=_the_same, repr=False)
