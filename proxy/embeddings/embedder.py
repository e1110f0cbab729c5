"""Local vectors for programs without an event loop: `understudy embed`, and measurements."""

import asyncio
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Self

from proxy.core.clock import SystemClock
from proxy.core.event import Event
from proxy.core.journal import Journal
from proxy.embeddings.encoder import Model
from proxy.embeddings.lanes import Lanes

_TEXTS_AT_ONCE = 512
"""Enough to keep all lanes busy; few enough for a progress bar to move."""


class Embedder:
    """The same Lanes that serve requests, on an event loop of its own.

    with Embedder("all-MiniLM-L6-v2") as embedder:
        for vector in embedder.vectors(texts): ...
    """

    def __init__(self, name: str) -> None:
        """Raises `Failure` when there is no such model, with what is wrong and what to do."""
        self._closed = False
        self._runner = asyncio.Runner()
        self._lanes = Lanes(name, SystemClock(), _unheard)
        try:
            self.model: Model = self._runner.run(self._lanes.load())
        except BaseException:
            self.close()
            raise

    def vectors(self, texts: Iterable[str]) -> Iterator[tuple[float, ...]]:
        """One vector a text, in order, some hundred at a time as `texts` brings them."""
        form = f"<{self.model.encoder.dimensions}f"
        left = iter(texts)
        while some := list(islice(left, _TEXTS_AT_ONCE)):
            for vector in self._runner.run(self._lanes.encode(some)).vectors:
                yield struct.unpack(form, vector)

    def close(self) -> None:
        """Gives threads and event loop back. Harmless when done twice."""
        if self._closed:
            return
        self._closed = True
        with self._runner:
            self._runner.run(self._lanes.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _unheard(event: Event, journal: Journal | None) -> None:
    """Nobody listens: what goes wrong is raised."""
