"""Vectors that stand in for an embedding model's: the right length and norm, and no meaning.

The same text always gets the same vector; different texts get nearly orthogonal ones, so nothing
looks similar that is not equal.
"""

from collections.abc import Sequence
from hashlib import shake_256
from math import sqrt
from struct import pack

from proxy.core.failure import Unfit
from proxy.dialects.dialect import Texts
from proxy.dialects.vector_sizes import vector_size

LARGEST_DIMENSIONS = 16_384
"""The longest vectors that are made for a model nothing is known of: four times those in use."""


def length_wanted(asked: Texts) -> int:
    """How many numbers each vector must have; raises `Unfit` where that cannot be known."""
    known = vector_size(asked.model)
    wanted = asked.dimensions
    if known is None:
        if wanted is None:
            raise Unfit(f"how long vectors of model {asked.model!r} are is not known here")
        if not 1 <= wanted <= LARGEST_DIMENSIONS:
            raise Unfit(f"dimensions must be 1 to {LARGEST_DIMENSIONS}, not {wanted}")
        return wanted
    if wanted is None or wanted == known.full:
        return known.full
    if not known.shortens:
        raise Unfit(f"{asked.model} has vectors of {known.full} only, {wanted} were asked for")
    if not 1 <= wanted <= known.full:
        raise Unfit(f"{asked.model} has vectors of 1 to {known.full}, {wanted} were asked for")
    return wanted


def sign_vectors(texts: Sequence[str], length: int) -> list[bytes]:
    """One vector a text, `length` little-endian float32 each, of norm 1 within float32's reach.

    Every component is plus or minus 1/sqrt(length), the sign a bit of the text's SHAKE-256
    (Rademacher vectors: dot products of different texts are about N(0, 1/length)). Eight signs at
    a time are looked up, so a vector of 1536 takes some 10 microseconds.
    """
    step = 1 / sqrt(length)
    octets = [
        pack("<8f", *(step if octet >> bit & 1 else -step for bit in range(8)))
        for octet in range(256)
    ]
    size_bytes = 4 * length
    return [
        b"".join([octets[octet] for octet in _bits(text, length)])[:size_bytes] for text in texts
    ]


def _bits(text: str, count: int) -> bytes:
    return shake_256(text.encode("utf-8", "surrogatepass")).digest((count + 7) // 8)
