"""Reads a network's weights from a safetensors file. Other formats, pickles first, are not read."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from proxy.embeddings.layout import Layout
from proxy.embeddings.model_files import ModelUnusable
from proxy.embeddings.network import Floats, Layer, Linear, Network, Norm

_READABLE = frozenset(("F16", "F32", "F64"))


def read_network(layout: Layout) -> Network:
    """The network that `layout` describes, in float32 whatever the file has. Raises `ModelUnusable`
    for a file that is missing or broken, and for weights that are missing or do not fit."""
    if not layout.weights.is_file():
        raise ModelUnusable(
            f"{layout.weights} is missing: weights are read from safetensors files only"
        )
    try:
        with safe_open(layout.weights, framework="numpy") as file:
            network = _Reader(layout.weights, file).network(layout)
    except (SafetensorError, OSError) as error:
        raise ModelUnusable(f"{layout.weights} cannot be read: {error}") from error
    if network.width % layout.heads:
        raise ModelUnusable(
            f"{layout.weights}: {network.width} columns do not divide into {layout.heads} heads"
        )
    return network


class _Reader:
    """Takes tensors out of one open file by their names in Hugging Face's BertModel."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        self._names = frozenset(file.keys())

    def network(self, layout: Layout) -> Network:
        words = self._tensor("embeddings.word_embeddings.weight", None, None)
        width = int(words.shape[1])
        types = self._tensor("embeddings.token_type_embeddings.weight", None, width)
        places = self._tensor("embeddings.position_embeddings.weight", None, width)
        if len(places) < layout.max_tokens:
            raise ModelUnusable(
                f"{self._path} has {len(places)} positions, and the configuration asks for "
                f"{layout.max_tokens}"
            )
        return Network(
            words=words,
            positions=places + types[0],
            embedding_norm=self._norm("embeddings.LayerNorm", width),
            layers=tuple(
                self._layer(f"encoder.layer.{number}", width) for number in range(layout.layers)
            ),
            heads=layout.heads,
            epsilon=layout.epsilon,
            normalize=layout.normalize,
        )

    def _layer(self, name: str, width: int) -> Layer:
        grow = self._linear(f"{name}.intermediate.dense", None, width)
        return Layer(
            query=self._linear(f"{name}.attention.self.query", width, width),
            key=self._linear(f"{name}.attention.self.key", width, width),
            value=self._linear(f"{name}.attention.self.value", width, width),
            mix=self._linear(f"{name}.attention.output.dense", width, width),
            attention_norm=self._norm(f"{name}.attention.output.LayerNorm", width),
            grow=grow,
            shrink=self._linear(f"{name}.output.dense", width, len(grow.bias)),
            output_norm=self._norm(f"{name}.output.LayerNorm", width),
        )

    def _linear(self, name: str, outputs: int | None, inputs: int) -> Linear:
        weight = self._tensor(f"{name}.weight", outputs, inputs)
        return Linear(weight, self._tensor(f"{name}.bias", len(weight)))

    def _norm(self, name: str, width: int) -> Norm:
        return Norm(self._tensor(f"{name}.weight", width), self._tensor(f"{name}.bias", width))

    def _tensor(self, name: str, *shape: int | None) -> Floats:
        """The tensor of that name; None in `shape` stands for any size."""
        if name not in self._names:
            raise ModelUnusable(f"{self._path} has no weights {name}")
        kind = self._file.get_slice(name).get_dtype()
        if kind not in _READABLE:
            raise ModelUnusable(
                f"{self._path} keeps {name} as {kind}; supported: {', '.join(sorted(_READABLE))}"
            )
        tensor: Floats = np.ascontiguousarray(self._file.get_tensor(name), dtype=np.float32)
        fits = tensor.ndim == len(shape) and all(
            wanted in (None, size) for wanted, size in zip(shape, tensor.shape, strict=True)
        )
        if not fits:
            raise ModelUnusable(
                f"{self._path}: {name} has the shape {tensor.shape}, which does not fit the rest"
            )
        return tensor
