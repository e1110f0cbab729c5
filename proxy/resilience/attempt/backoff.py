"""Whether the same target is asked again, and how long to wait before."""

from math import inf
from typing import NamedTuple

from proxy.core.clock import Dice
from proxy.core.event import NoRetry
from proxy.core.failure import Failure, FailureKind
from proxy.policy.schema import Backoff, Retry

_NOT_ASKED = frozenset((FailureKind.CIRCUIT_OPEN, FailureKind.LIMIT))


class Another(NamedTuple):
    """Another attempt is due in `wait_s` seconds, unless it is `refused`."""

    wait_s: float
    refused: NoRetry | None = None


def jittered(backoff: Backoff, retry: int, dice: Dice) -> float:
    """Seconds before the `retry`-th retry (1 is the first): full jitter.

    Uniform between 0 and min(max, initial * factor^(retry-1)). Source: "Exponential Backoff And
    Jitter", AWS Architecture Blog.
    """
    try:
        grown = backoff.initial * backoff.factor ** (retry - 1)
    except OverflowError:  # the thousandth retry
        grown = inf
    return dice.uniform(0.0, min(backoff.max, grown))


def decide(
    settings: Retry, failure: Failure, attempt: int, left_s: float, dice: Dice
) -> Another | None:
    """What follows from the failure of the `attempt`-th attempt; None: no other one is due.

    A provider's own wish is a lower bound of the wait. One longer than `retry_after_max`, or than
    the `left_s` seconds by which an attempt has to begin, means: not here, not now. A provider that
    says itself that the same request will do no better is believed. After the caller's own mistake,
    or where the target was not asked at all, nobody would think of another attempt.
    """
    if settings.attempts == 1:
        return None
    if failure.kind not in settings.on or failure.should_retry is False:
        asked = failure.kind not in _NOT_ASKED and failure.traits.elsewhere
        return Another(0.0, NoRetry.KIND) if asked else None
    if attempt >= settings.attempts:
        return Another(0.0, NoRetry.ATTEMPTS)
    wait_s = jittered(settings.backoff, attempt, dice)
    if failure.retry_after_s is not None:
        if failure.retry_after_s > settings.retry_after_max:
            return Another(failure.retry_after_s, NoRetry.TIME)
        wait_s = max(wait_s, failure.retry_after_s)
    return Another(wait_s, NoRetry.TIME if wait_s >= left_s else None)
