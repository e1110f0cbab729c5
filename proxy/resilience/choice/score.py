"""How good a target is to ask now, beside others: what balancing compares."""

from collections.abc import Iterable, Sequence
from math import inf

from proxy.core.clock import Dice
from proxy.resilience.choice.load import Load
from proxy.resilience.choice.target import Target
from proxy.resilience.standing.state import Standing

LEAST_S = 0.001
"""No answer counts as faster: at less than this the clock is what is measured."""

LEAST_WELL = 0.05
"""No target counts as worse: a score has to stay a number."""

UNKNOWN_S = 1.0
"""The latency of every target while that of none is known; any figure would do."""


def is_away(standing: Standing) -> bool:
    """Whether it has failed and has not come back yet."""
    return not standing.health.healthy or standing.breaker.state != "closed"


def shares_of(targets: Sequence[Target], loads: Sequence[Load], now: float) -> list[float]:
    """By how much each is to be drawn: its weight, less while it starts slowly."""
    shares = []
    for target, load in zip(targets, loads, strict=True):
        share = target.weight
        if not load.warm:
            if target.standing is not None and is_away(target.standing):
                load.went()
            else:
                share *= load.share(now)
        shares.append(share)
    return shares


def drawn(places: Sequence[int], shares: Sequence[float], dice: Dice) -> int:
    """One of `places` by chance, each as likely as its share is large."""
    if len(places) == 1:
        return places[0]
    total = 0.0
    for place in places:
        total += shares[place]
    at = dice.uniform(0.0, total)
    for place in places:
        at -= shares[place]
        if at < 0:
            return place
    return places[-1]


def score(target: Target, load: Load, share: float, left: float, others: Iterable[Target]) -> float:
    """The lower, the sooner it is asked; infinite where nothing is left of its rate limit:

        latency x (1 + calls in flight / share) / (how well its last calls went x what is left of
        its rate limit)

    `share` is its share beside an average one of 1, `left` 0..1 of its rate limit. An unknown
    latency counts as the average of those of the `others` that are known.
    """
    if left <= 0.0:
        return inf
    took_s = None if target.standing is None else target.standing.latency.average_s
    if took_s is None:
        took_s = _average_s(others)
    if took_s < LEAST_S:
        took_s = LEAST_S
    well = load.well if load.well > LEAST_WELL else LEAST_WELL
    return took_s * (1.0 + load.in_flight / share) / (well * left)


def _average_s(targets: Iterable[Target]) -> float:
    told = [target.standing.latency.average_s for target in targets if target.standing]
    known = [average_s for average_s in told if average_s is not None]
    return sum(known) / len(known) if known else UNKNOWN_S
