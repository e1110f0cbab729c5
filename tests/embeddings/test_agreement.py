"""Vectors agree with sentence-transformers on the same weights, however texts are batched."""

import base64
import json
import random
from pathlib import Path

import numpy as np
import pytest

from proxy.embeddings.encoder import Model

CASES = json.loads(Path(__file__).with_name("reference.json").read_text())["cases"]
CLOSE = 1e-5


def wanted(case: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(case["vector"]), "<f4")


def vectors(model: Model, texts: list[str]) -> np.ndarray:
    made = model.encoder.encode(model.tokens.numbers(texts))
    return np.stack([np.frombuffer(vector, "<f4") for vector in made])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_text_alone(real: Model, case: dict[str, str]) -> None:
    made = vectors(real, [case["text"]])[0]
    assert made.shape == (384,)
    assert np.abs(made - wanted(case)).max() < CLOSE


@pytest.mark.parametrize("seed", range(6))
def test_any_batch_in_any_order(real: Model, seed: int) -> None:
    dice = random.Random(seed)
    some = dice.choices(CASES, k=dice.randint(2, 60))
    made = vectors(real, [case["text"] for case in some])
    assert np.abs(made - np.stack([wanted(case) for case in some])).max() < CLOSE


def test_no_texts(real: Model) -> None:
    assert real.encoder.encode([]) == []


def test_long_texts_are_cut_where_sentence_transformers_cuts_them(real: Model) -> None:
    texts = ["fox " * 254, "fox " * 255, "fox " * 9000]
    numbers = real.tokens.numbers(texts)
    assert [len(text) for text in numbers] == [256, 256, 256]
    assert numbers[0] == numbers[2]
    assert numbers[0][-1] == numbers[0][0] + 1  # [SEP] still ends it
