"""The weights of a BERT encoder, as any backend can take them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Linear:
    """y = x @ weight.T + bias. `weight` is (outputs, inputs), as files keep it."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation: `scale` and `shift` of each column, after it has mean 0, variance 1."""

    scale: Floats
    shift: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """x = attention_norm(x + mix(attention(x))); x = output_norm(x + shrink(gelu(grow(x))))."""

    query: Linear
    key: Linear
    value: Linear
    mix: Linear
    attention_norm: Norm
    grow: Linear
    shrink: Linear
    output_norm: Norm


@dataclass(frozen=True, slots=True)
class Network:
    """Token numbers to one vector: embed, layers, mean over the tokens, unit length if `normalize`.

    `words` is (vocabulary, width); `positions` is (places, width), with the embedding of the only
    token type there is in single texts added in already.
    """

    words: Floats
    positions: Floats
    embedding_norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    epsilon: float
    normalize: bool

    @property
    def width(self) -> int:
        """Floats of a token, and of the vector that comes out."""
        return int(self.words.shape[1])
