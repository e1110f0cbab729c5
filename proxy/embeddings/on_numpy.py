"""The encoder on numpy.

The texts of a batch lie end to end in one matrix of all their tokens, without padding and masks:

    tokens x width     embed, norm
    each layer:        one product for query, key and value of all heads
                       attention, texts of one length at once, some heads at a time
                       product, norm, product, gelu, product, norm
    texts x width      mean over each text's rows, unit length

All of a batch runs in the thread that asks, BLAS included: lanes share out whole batches, so that
the steps between the products run in parallel too. Those work on pieces that stay in a core's own
cache, and on scratch that is made once a batch: fresh memory costs more than the arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from proxy.embeddings.network import Floats, Layer, Network, Norm
from proxy.embeddings.numpy_attention import Attention
from proxy.embeddings.numpy_gelu import double_gelu

_BATCH_TOKENS = 512
"""BLAS is at its best from 128 on; with 512, what a batch costs by itself is lost in the rest."""
_GELU_FLOATS = 48 * 1024
"""Three arrays of so many stay in a usual second-level cache."""


@dataclass(frozen=True, slots=True)
class _Product:
    """x @ weight + bias, with `weight` as (inputs, outputs) in memory: BLAS's fastest case."""

    weight: Floats
    bias: Floats

    def into(self, out: Floats, x: Floats) -> None:
        np.dot(x, self.weight, out=out)
        out += self.bias


@dataclass(frozen=True, slots=True)
class _Steps:
    """A Layer, rearranged."""

    qkv: _Product
    mix: _Product
    attention_norm: Norm
    grow: _Product
    shrink: _Product
    output_norm: Norm


class NumpyEncoder:
    """Encodes on the processor. Holds its own copies of the layers' weights."""

    backend = "numpy"
    device = "cpu"
    batch_tokens = _BATCH_TOKENS

    def __init__(self, network: Network, lanes: int) -> None:
        """For `lanes` threads that call `encode`. From here on BLAS runs in the thread that calls
        it, in this whole process."""
        threadpool_limits(1, user_api="blas")
        self.lanes = lanes
        self.dimensions = network.width
        self._words = network.words
        self._positions = network.positions
        self._embedding_norm = network.embedding_norm
        self._heads = network.heads
        self._steps = tuple(_rearranged(layer, network.heads) for layer in network.layers)
        self._epsilon = np.float32(network.epsilon)
        self._normalize = network.normalize
        self._mean = np.full(network.width, 1 / network.width, np.float32)

    def encode(self, batch: Sequence[Sequence[int]]) -> list[bytes]:
        if not batch:
            return []
        order = sorted(range(len(batch)), key=lambda index: len(batch[index]))
        vectors = self._vectors([batch[index] for index in order]).astype("<f4", copy=False)
        made = [b""] * len(batch)
        for index, vector in zip(order, vectors, strict=True):
            made[index] = vector.tobytes()
        return made

    def _vectors(self, batch: Sequence[Sequence[int]]) -> Floats:
        """(texts, width), of texts with equal lengths side by side."""
        lengths = [len(text) for text in batch]
        x = self._words[np.concatenate([np.asarray(text) for text in batch])]
        x += self._positions[np.concatenate([np.arange(length) for length in lengths])]
        self._norm(x, self._embedding_norm)
        attention = Attention(lengths, self._heads)
        qkv, mixed, y = _empty(x, 3 * self.dimensions), np.empty_like(x), np.empty_like(x)
        for steps in self._steps:
            steps.qkv.into(qkv, x)
            attention.attend(qkv, mixed)
            steps.mix.into(y, mixed)
            x += y
            self._norm(x, steps.attention_norm)
            grown = _empty(x, len(steps.grow.bias))
            steps.grow.into(grown, x)
            _gelu_rows(grown)
            steps.shrink.into(y, grown)
            x += y
            self._norm(x, steps.output_norm)
        return self._pooled(x, lengths)

    def _norm(self, x: Floats, norm: Norm) -> None:
        """Layer normalisation in place."""
        x -= np.dot(x, self._mean)[:, None]
        deviation = np.einsum("ij,ij->i", x, x)
        deviation /= np.float32(self.dimensions)
        deviation += self._epsilon
        x *= np.reciprocal(np.sqrt(deviation))[:, None]
        x *= norm.scale
        x += norm.shift

    def _pooled(self, x: Floats, lengths: Sequence[int]) -> Floats:
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        vectors = np.add.reduceat(x, starts, axis=0)
        vectors /= np.asarray(lengths, np.float32)[:, None]
        if self._normalize:
            size = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            vectors /= np.maximum(size, np.float32(1e-12))[:, None]  # as torch's normalize does
        return vectors


def _empty(x: Floats, columns: int) -> Floats:
    return np.empty((len(x), columns), np.float32)


def _gelu_rows(x: Floats) -> None:
    rows = max(1, _GELU_FLOATS // x.shape[1])
    squares, odds = np.empty_like(x[:rows]), np.empty_like(x[:rows])
    with np.errstate(over="ignore"):  # beyond 1e3 the polynomial is infinite, as its limit is
        for start in range(0, len(x), rows):
            piece = x[start : start + rows]
            double_gelu(piece, squares[: len(piece)], odds[: len(piece)])


def _rearranged(layer: Layer, heads: int) -> _Steps:
    query, key, value = layer.query, layer.key, layer.value
    scale = np.float32((len(query.bias) // heads) ** -0.5)
    return _Steps(
        qkv=_product(
            np.concatenate((query.weight * scale, key.weight, value.weight)),
            np.concatenate((query.bias * scale, key.bias, value.bias)),
        ),
        mix=_product(layer.mix.weight, layer.mix.bias),
        attention_norm=layer.attention_norm,
        grow=_product(layer.grow.weight, layer.grow.bias),
        shrink=_product(layer.shrink.weight * np.float32(0.5), layer.shrink.bias),  # double_gelu
        output_norm=layer.output_norm,
    )


def _product(weight: Floats, bias: Floats) -> _Product:
    return _Product(np.ascontiguousarray(weight.T), bias)
