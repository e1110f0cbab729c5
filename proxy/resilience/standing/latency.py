"""How soon an upstream begins to answer, as it did lately."""

from collections import deque

SAMPLES = 128
"""Answers remembered: enough that the slowest twentieth of them is more than an accident, few
enough that what was half an hour ago on a quiet day does not count for long."""

ENOUGH = 20
"""Fewer samples have no slowest twentieth, and no fastest to go by."""

_STALE = 16
"""Quantiles are worked out anew when this share of the samples is new: one part in so many."""

_WEIGHT = 0.1
"""Of the newest in a moving average: some ten calls are remembered."""


def averaged(before: float | None, latest: float) -> float:
    """The exponentially weighted moving average, `latest` included; `before` of None: none yet."""
    return latest if before is None else before + _WEIGHT * (latest - before)


class Latency:
    """Seconds until a usable answer began: a stream with its first useful chunk, a plain answer
    when it was whole. However it ended then: this is a measurement, no verdict."""

    __slots__ = ("_fresh", "_samples", "_sorted", "average_s")

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._sorted: list[float] = []
        self._fresh = 0
        self.average_s: float | None = None

    def note(self, duration_s: float) -> None:
        self._samples.append(duration_s)
        self._fresh += 1
        self.average_s = averaged(self.average_s, duration_s)

    @property
    def p95_s(self) -> float | None:
        """19 of 20 answers began within this; None while there are too few to say."""
        ranked = self._ranked()
        return ranked[-(-len(ranked) * 19 // 20) - 1] if ranked else None

    @property
    def least_s(self) -> float | None:
        """No answer began sooner; None while there are too few to say."""
        ranked = self._ranked()
        return ranked[0] if ranked else None

    def _ranked(self) -> list[float]:
        count = len(self._samples)
        if count < ENOUGH:
            return []
        if self._fresh * _STALE >= count:
            self._sorted = sorted(self._samples)
            self._fresh = 0
        return self._sorted
