"""How long the vectors of well-known embedding models are, whoever serves them.

Whatever stands in for such a model has to give vectors of this length, or an application's index
refuses them. Models that are not listed are not guessed at.
"""

from typing import NamedTuple


class VectorSize(NamedTuple):
    """The length of a model's vectors, and whether a request may ask for shorter ones."""

    full: int
    shortens: bool


_SIZES = {  # https://platform.openai.com/docs/guides/embeddings
    "text-embedding-3-small": VectorSize(1536, True),
    "text-embedding-3-large": VectorSize(3072, True),
    "text-embedding-ada-002": VectorSize(1536, False),
}


def vector_size(model: str) -> VectorSize | None:
    """What is known of `model`, also under a gateway's name for it (`openai/...`)."""
    return _SIZES.get(model.rpartition("/")[2])
