from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.core.failure import Failure
from proxy.embeddings.embedder import Embedder


def test_vectors_one_by_one_in_order(tiny: Path) -> None:
    with Embedder(str(tiny)) as embedder:
        assert embedder.model.name == "tiny"
        texts = ["fox", "dog", "the lazy dog"] * 300
        vectors = list(embedder.vectors(text for text in texts))
    assert len(vectors) == 900
    assert len(vectors[0]) == 8
    assert vectors[3] == pytest.approx(vectors[0], abs=1e-6)
    assert vectors[1] != pytest.approx(vectors[0], abs=1e-3)


def test_texts_are_read_as_they_are_needed(tiny: Path) -> None:
    read = []

    def texts() -> Iterator[str]:
        for number in range(2000):
            read.append(number)
            yield "fox"

    with Embedder(str(tiny)) as embedder:
        next(iter(embedder.vectors(texts())))
        embedder.close()
    assert len(read) == 512


def test_a_missing_model_says_so() -> None:
    with pytest.raises(Failure, match="no local model is called 'nonesuch'"):
        Embedder("nonesuch")
