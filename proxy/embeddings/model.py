"""The local model of a process, as the policy in force names it."""

from collections.abc import Callable
from typing import Any

from proxy.core.clock import Clock
from proxy.core.journal import Hear
from proxy.embeddings.encoder import Model
from proxy.embeddings.lanes import Lanes
from proxy.embeddings.loading import load_model
from proxy.policy.schema import Backend


class LocalModel:
    """Outlives every reload of the policy; a reload that names another model changes `lanes`."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        hear: Hear,
        read: Callable[[str], Model] = load_model,
    ) -> None:
        self._clock = clock
        self._hear = hear
        self._read = read
        self._lanes = self._new(backend)

    def __repr__(self) -> str:
        return f"LocalModel({self._lanes.name!r})"

    @property
    def lanes(self) -> Lanes:
        """Who encodes from now on. One request stays with the lanes that it began with."""
        return self._lanes

    def configure(self, backend: Backend) -> None:
        """Changes to the model that `backend` names. It is loaded when first needed; the old one
        goes when the requests that use it have ended."""
        if backend.model != self._lanes.name:
            self._lanes = self._new(backend)

    async def load(self) -> None:
        """Loads the model now. Raises `Failure` (unavailable) with what is wrong."""
        await self._lanes.load()

    def report(self) -> dict[str, Any]:
        """What `/status` says under `backend`. `type` and `device` are None while nothing is in
        memory; `error` says why it could not be loaded."""
        model = self._lanes.model
        return {
            "type": model.encoder.backend if model else None,
            "device": model.encoder.device if model else None,
            "model": model.name if model else self._lanes.name,
            "fell_back_from": None,
            "loaded": model is not None,
            "error": self._lanes.error,
            "texts_waiting": self._lanes.texts,
        }

    async def close(self) -> None:
        """Ends what waits with a Failure, and returns when the threads have ended."""
        await self._lanes.close()

    def _new(self, backend: Backend) -> Lanes:
        return Lanes(backend.model, self._clock, self._hear, self._read)
