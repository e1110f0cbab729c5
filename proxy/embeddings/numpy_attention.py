"""Attention on numpy over texts that lie end to end, without padding and masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from proxy.embeddings.network import Floats

_SCORE_FLOATS = 1 << 16
"""Scores held at once, if a single head of a single text needs no more: 256 KiB, a part of a usual
second-level cache."""


@dataclass(frozen=True, slots=True)
class Run:
    """Texts of one length, end to end from row `start` on. `heads` are worked on at once."""

    start: int
    texts: int
    tokens: int
    heads: int

    @property
    def score_floats(self) -> int:
        return self.heads * self.texts * self.tokens**2


def runs(lengths: Sequence[int], heads: int) -> Iterator[Run]:
    """Cuts texts of these lengths, equal ones side by side, into runs. Attention has `heads`."""
    start = 0
    for tokens, group in groupby(lengths):
        left = len(list(group))
        most = max(1, _SCORE_FLOATS // (heads * tokens**2))
        while left:
            texts = min(left, most)
            at_once = max(1, min(heads, _SCORE_FLOATS // (texts * tokens**2)))
            yield Run(start, texts, tokens, at_once)
            start += texts * tokens
            left -= texts


class Attention:
    """Attention of one batch, with scratch that all its layers use in turn."""

    __slots__ = ("_heads", "_ones", "_runs", "_scores", "_sums")

    def __init__(self, lengths: Sequence[int], heads: int) -> None:
        self._heads = heads
        self._runs = tuple(runs(lengths, heads))
        self._scores = np.empty(max(run.score_floats for run in self._runs), np.float32)
        rows = max(run.heads * run.texts * run.tokens for run in self._runs)
        self._sums = np.empty(rows, np.float32)
        self._ones = np.ones(max(lengths), np.float32)

    def attend(self, qkv: Floats, out: Floats) -> None:
        """Writes each token's mixture of values, (tokens, width), to `out`.

        `qkv` is (tokens, 3 * width): queries, already divided by the square root of a head's width,
        then keys, then values, each head after head.
        """
        for run in self._runs:
            rows = slice(run.start, run.start + run.texts * run.tokens)
            split = qkv[rows].reshape(run.texts, run.tokens, 3, self._heads, -1)
            queries = split[:, :, 0].transpose(0, 2, 1, 3)
            keys = split[:, :, 1].transpose(0, 2, 3, 1)
            values = split[:, :, 2].transpose(0, 2, 1, 3)
            mixed = out[rows].reshape(run.texts, run.tokens, self._heads, -1)
            mixed = mixed.transpose(0, 2, 1, 3)
            for first in range(0, self._heads, run.heads):
                some = slice(first, min(first + run.heads, self._heads))
                self._mix(queries[:, some], keys[:, some], values[:, some], mixed[:, some])

    def _mix(self, queries: Floats, keys: Floats, values: Floats, mixed: Floats) -> None:
        texts, heads, tokens, _ = queries.shape
        rows = texts * heads * tokens
        flat = self._scores[: rows * tokens]
        scores = flat.reshape(texts, heads, tokens, tokens)
        sums = self._sums[:rows].reshape(texts, heads, tokens, 1)
        np.matmul(queries, keys, out=scores)
        np.max(scores, axis=-1, keepdims=True, out=sums)
        scores -= sums
        np.exp(scores, out=scores)
        # A product with ones is the fastest sum along rows; and the values' mixture is divided by
        # it, for it is smaller than the scores.
        np.dot(flat.reshape(rows, tokens), self._ones[:tokens], out=self._sums[:rows])
        np.matmul(scores, values, out=mixed)
        mixed /= sums
