"""A model that makes vectors of two floats, and waits where a test wants it to."""

import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from proxy.embeddings.encoder import Model
from proxy.embeddings.tokens import Tokens


class FakeTokens:
    """A token a character, and one more."""

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1, *map(ord, text)] for text in texts]


@dataclass
class FakeEncoder:
    """A text's vector is its number of tokens and their sum."""

    lanes: int = 2
    batch_tokens: int = 512
    backend: str = "fake"
    device: str = "cpu"
    dimensions: int = 2
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[list[list[int]]] = field(default_factory=list)
    error: Exception | None = None

    def encode(self, batch: Sequence[Sequence[int]]) -> list[bytes]:
        self.batches.append([list(text) for text in batch])
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return [vector_of(text) for text in batch]


def vector_of(numbers: Sequence[int]) -> bytes:
    return struct.pack("<2f", len(numbers), sum(numbers))


def fake_model(encoder: FakeEncoder, name: str = "fake") -> Model:
    return Model(name, cast(Tokens, FakeTokens()), encoder)
