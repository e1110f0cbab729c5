from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from proxy.embeddings.layout import read_layout
from proxy.embeddings.model_files import ModelUnusable
from proxy.embeddings.network import Network
from proxy.embeddings.weights import read_network
from tests.embeddings.tiny import change, weights

QUERY = "encoder.layer.0.attention.self.query.weight"


def read(folder: Path) -> Network:
    return read_network(read_layout(folder))


def test_half_precision_is_read_as_float32(tiny: Path) -> None:
    halves = {name: tensor.astype(np.float16) for name, tensor in weights().items()}
    save_file(halves, tiny / "model.safetensors")
    network = read(tiny)
    assert network.words.dtype == np.float32
    assert (network.layers[0].query.weight == halves[QUERY].astype(np.float32)).all()


def test_a_type_that_numpy_has_not_is_refused_by_name(tiny: Path) -> None:
    path = tiny / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"F32"', b'"I32"', 1))
    with pytest.raises(ModelUnusable, match="as I32; supported: F16, F32, F64"):
        read(tiny)


def test_weights_that_are_missing_or_do_not_fit(tiny: Path) -> None:
    path = tiny / "model.safetensors"
    held = load_file(path)
    save_file(held | {QUERY: np.zeros((8, 9), np.float32)}, path)
    with pytest.raises(ModelUnusable, match=rf"{QUERY} has the shape \(8, 9\)"):
        read(tiny)
    del held[QUERY]
    save_file(held, path)
    with pytest.raises(ModelUnusable, match=f"has no weights {QUERY}"):
        read(tiny)


def test_a_configuration_for_other_weights(tiny: Path) -> None:
    change(tiny / "config.json", num_attention_heads=3)
    with pytest.raises(ModelUnusable, match="8 columns do not divide into 3 heads"):
        read(tiny)
    change(tiny / "config.json", num_attention_heads=2, max_position_embeddings=40)
    change(tiny / "sentence_bert_config.json", max_seq_length=30)
    with pytest.raises(ModelUnusable, match="has 12 positions, and the configuration asks for 30"):
        read(tiny)
    change(tiny / "sentence_bert_config.json", max_seq_length=10)
    change(tiny / "config.json", num_hidden_layers=2)
    with pytest.raises(ModelUnusable, match=r"no weights encoder\.layer\.1\."):
        read(tiny)


def test_a_missing_or_broken_file(tiny: Path) -> None:
    path = tiny / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelUnusable, match=r"model\.safetensors cannot be read: "):
        read(tiny)
    path.unlink()
    with pytest.raises(ModelUnusable, match="weights are read from safetensors files only"):
        read(tiny)
