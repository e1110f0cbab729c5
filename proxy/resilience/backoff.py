"""How long to wait before asking the same target again."""

from proxy.core.clock import Dice
from proxy.core.failure import Failure
from proxy.policy.schema import Backoff, Retry


def jittered(backoff: Backoff, retry: int, dice: Dice) -> float:
    """Seconds before the `retry`-th retry (1 is the first): full jitter.

    Uniform between 0 and min(max, initial * factor^(retry-1)). Source: "Exponential Backoff And
    Jitter", AWS Architecture Blog.
    """
    ceiling = min(backoff.max, backoff.initial * backoff.factor ** (retry - 1))
    return dice.uniform(0.0, ceiling)


def decide(settings: Retry, failure: Failure, attempt: int, dice: Dice) -> float | None:
    """Seconds until the same target is worth another attempt, or None when it is not.

    `attempt` is how many were made. A provider's own wish is obeyed as a lower bound when it is
    within `retry_after_max`; a longer one means: not here, not now.
    """
    if attempt >= settings.attempts or failure.kind not in settings.on:
        return None
    wait_s = jittered(settings.backoff, attempt, dice)
    if failure.retry_after_s is None:
        return wait_s
    if failure.retry_after_s > settings.retry_after_max:
        return None
    return max(wait_s, failure.retry_after_s)
