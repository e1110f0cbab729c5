"""Stand-in vectors: their length is the model's, their norm is 1, and they mean nothing."""

from array import array
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.failure import Unfit
from proxy.dialects.dialect import Texts
from proxy.mock.vectors import LARGEST_DIMENSIONS, length_wanted, sign_vectors


def asked(model: str, dimensions: int | None = None) -> Texts:
    return Texts(("a",), model, dimensions)


@pytest.mark.parametrize(
    ("model", "dimensions", "length"),
    [
        ("text-embedding-3-small", None, 1536),
        ("text-embedding-3-large", None, 3072),
        ("text-embedding-ada-002", None, 1536),
        ("text-embedding-ada-002", 1536, 1536),
        ("openai/text-embedding-3-large", 256, 256),
        ("unheard-of", 1024, 1024),
        ("unheard-of", LARGEST_DIMENSIONS, LARGEST_DIMENSIONS),
    ],
)
def test_the_length_is_the_models_or_the_one_asked_for(
    model: str, dimensions: int | None, length: int
) -> None:
    assert length_wanted(asked(model, dimensions)) == length


@pytest.mark.parametrize(
    ("model", "dimensions", "says"),
    [
        ("unheard-of", None, "not known"),
        ("unheard-of", 0, "1 to 16384"),
        ("unheard-of", LARGEST_DIMENSIONS + 1, "1 to 16384"),
        ("text-embedding-ada-002", 256, "1536 only"),
        ("text-embedding-3-small", 1537, "1 to 1536"),
    ],
)
def test_a_length_that_the_model_cannot_have_is_refused(
    model: str, dimensions: int | None, says: str
) -> None:
    with pytest.raises(Unfit, match=says):
        length_wanted(asked(model, dimensions))


@given(st.text(st.characters(codec=None), max_size=50), st.integers(1, 200))
def test_vectors_have_their_length_and_norm_and_are_the_texts_own(text: str, length: int) -> None:
    one, again = sign_vectors([text, text], length)
    assert one == again == sign_vectors([text], length)[0]
    numbers = array("f", one)
    assert len(numbers) == length
    assert sqrt(sum(number * number for number in numbers)) == pytest.approx(1, abs=1e-6)


def test_different_texts_are_nearly_orthogonal() -> None:
    vectors = [array("f", vector) for vector in sign_vectors([str(n) for n in range(30)], 1536)]
    for here, one in enumerate(vectors):
        for other in vectors[:here]:
            assert abs(sum(a * b for a, b in zip(one, other, strict=True))) < 0.2


def test_a_vector_stays_what_it_was_in_every_release() -> None:
    signs = "".join("+-"[n < 0] for n in array("f", sign_vectors(["understudy"], 8)[0]))
    assert signs == "+---+--+"
