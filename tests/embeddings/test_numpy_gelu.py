from math import erf, sqrt

import numpy as np

from proxy.embeddings.numpy_gelu import double_gelu


def gelu(x: np.ndarray) -> np.ndarray:
    twice = x.copy()
    with np.errstate(over="ignore"):
        double_gelu(twice, np.empty_like(x), np.empty_like(x))
    return twice / 2


def test_close_to_the_definition() -> None:
    x = np.linspace(-12, 12, 20001, dtype=np.float32)
    exact = np.array([value * 0.5 * (1 + erf(value / sqrt(2))) for value in x.tolist()])
    assert (np.abs(gelu(x) - exact) < 5e-7 * np.maximum(1, np.abs(x))).all()


def test_far_out_it_is_the_identity_or_nothing() -> None:
    far = np.array([13, 40, 300, 1e3, 1e5, 1e15, 1e30], np.float32)
    assert (gelu(far) == far).all()
    assert (gelu(-far) == 0).all()
    assert gelu(np.zeros(1, np.float32)) == 0
