"""What a backend must be able to do, and what a loaded model is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.embeddings.tokens import Tokens

_MOST_CORES = 16
"""More lanes than these gain little: the weights they share come through one memory bus."""


class Encoder(Protocol):
    """Token numbers to vectors, on one backend. Called from several threads at once."""

    @property
    def backend(self) -> str:
        """The backend's word in policy files."""
        ...

    @property
    def device(self) -> str: ...

    @property
    def dimensions(self) -> int:
        """Floats of a vector."""
        ...

    @property
    def lanes(self) -> int:
        """How many batches are worth encoding at the same time, each in a thread of its own."""
        ...

    @property
    def batch_tokens(self) -> int:
        """How many tokens are worth giving at once; more gain nothing."""
        ...

    def encode(self, batch: Sequence[Sequence[int]]) -> list[bytes]:
        """The vector of each text, in the order given, as little-endian float32.

        A text is its token numbers, one at least. Its vector does not depend on what else is in the
        batch, but for rounding: 1e-6 of a unit vector.
        """
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A model in memory, ready for work."""

    name: str
    tokens: "Tokens"
    encoder: Encoder


def cores() -> int:
    """How many processor cores this process may use, in what is worth using."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    count = len(allowed(0)) if allowed is not None else os.cpu_count() or 1
    return min(count, _MOST_CORES)
