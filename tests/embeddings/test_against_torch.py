"""The numpy encoder beside a plain one: padded, masked, step by step as the paper has it (Devlin et
al., arXiv:1810.04805), in float64 on torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proxy.embeddings.layout import read_layout
from proxy.embeddings.model_files import find_model
from proxy.embeddings.network import Linear, Network, Norm
from proxy.embeddings.on_numpy import NumpyEncoder
from proxy.embeddings.weights import read_network

torch = pytest.importorskip("torch", reason="torch is not installed")


def plain(network: Network, batch: list[list[int]]) -> np.ndarray:
    longest = max(map(len, batch))
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in batch])
    mask = torch.tensor([[1.0] * len(t) + [0.0] * (longest - len(t)) for t in batch]).double()
    hidden = torch.tensor(network.words).double()[ids]
    hidden = normed(
        hidden + torch.tensor(network.positions[:longest]), network.embedding_norm, network
    )
    for layer in network.layers:
        query, key, value = (
            linear(hidden, part).unflatten(-1, (network.heads, -1)).transpose(1, 2)
            for part in (layer.query, layer.key, layer.value)
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(-2)
        hidden = normed(hidden + linear(mixed, layer.mix), layer.attention_norm, network)
        grown = torch.nn.functional.gelu(linear(hidden, layer.grow))
        hidden = normed(hidden + linear(grown, layer.shrink), layer.output_norm, network)
    vectors = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    if network.normalize:
        vectors = torch.nn.functional.normalize(vectors)
    return np.asarray(vectors.numpy())


def linear(x: Any, part: Linear) -> Any:
    return x @ torch.tensor(part.weight).double().T + torch.tensor(part.bias)


def normed(x: Any, norm: Norm, network: Network) -> Any:
    scale, shift = torch.tensor(norm.scale).double(), torch.tensor(norm.shift).double()
    return torch.nn.functional.layer_norm(x, x.shape[-1:], scale, shift, network.epsilon)


def ours(network: Network, batch: list[list[int]]) -> np.ndarray:
    made = NumpyEncoder(network, lanes=1).encode(batch)
    return np.stack([np.frombuffer(vector, "<f4") for vector in made])


def random_batch(network: Network, longest: int, texts: int) -> list[list[int]]:
    dice = np.random.default_rng(3)
    return [
        dice.integers(0, len(network.words), dice.integers(1, longest + 1)).tolist()
        for _ in range(texts)
    ]


def test_all_minilm() -> None:
    network = read_network(read_layout(find_model("all-MiniLM-L6-v2").folder))
    batch = random_batch(network, 200, 5)
    assert np.abs(ours(network, batch) - plain(network, batch)).max() < 1e-5


def test_beyond_the_length_of_the_real_model() -> None:
    network = read_network(read_layout(find_model("all-MiniLM-L6-v2").folder))
    batch = [list(range(1000, 1512)), [101]]
    assert np.abs(ours(network, batch) - plain(network, batch)).max() < 1e-5


@pytest.mark.parametrize("normalize", [True, False])
def test_a_tiny_network_with_wild_weights(tiny: Path, normalize: bool) -> None:
    if not normalize:
        modules = (tiny / "modules.json").read_text()
        last = ', {"path": "2_Normalize"'
        (tiny / "modules.json").write_text(modules[: modules.index(last)] + "]")
    network = read_network(read_layout(tiny))
    assert network.normalize is normalize
    batch = random_batch(network, 10, 200)
    assert np.abs(ours(network, batch) - plain(network, batch)).max() < 1e-5
