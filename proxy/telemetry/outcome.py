"""How a call went, in one word. Metrics, log levels, span status and `/status` all go by it."""

from enum import StrEnum

from proxy.core.event import (
    AttemptEnded,
    CallEnded,
    CallEvent,
    FellBack,
    Hedged,
    PassedOver,
    StreamBroke,
)
from proxy.core.failure import TRAITS
from proxy.core.reply import End, Source


class Outcome(StrEnum):
    COMPLETE = "complete"  # the app has a whole answer
    REFUSED = "refused"  # the app's own mistake, and it was told so
    FAILED = "failed"  # the app got an error that it could do nothing about
    BROKEN = "broken"  # the answer failed on its way
    ABANDONED = "abandoned"  # the app hung up
    LOST = "lost"  # the proxy stopped before the end


_ENDS = {End.BROKEN: Outcome.BROKEN, End.ABANDONED: Outcome.ABANDONED, End.LOST: Outcome.LOST}
BAD = frozenset((Outcome.FAILED, Outcome.BROKEN))
"""The outcomes that count against the success rate."""

STAND_INS = frozenset((Source.MOCK, Source.STALE))
"""Sources whose answers only stand in for the one that was asked for."""


def outcome(event: CallEnded) -> Outcome:
    """A kind that leads nowhere else (`bad_request`, `content_filter`) is the app's own affair."""
    if event.end is not End.COMPLETE:
        return _ENDS[event.end]
    if event.kind is not None:
        return Outcome.FAILED if TRAITS[event.kind].elsewhere else Outcome.REFUSED
    if event.status < 400:
        return Outcome.COMPLETE
    return Outcome.FAILED if event.status >= 500 else Outcome.REFUSED


def is_plain(event: CallEnded) -> bool:
    """Whether nothing about the call is worth a line: it was answered as it was meant to be."""
    return (
        event.end is End.COMPLETE
        and event.kind is None
        and event.status < 400
        and not event.degraded
        and event.source not in STAND_INS
        and (not event.fallback or _by_choice(event))
    )


def _by_choice(event: CallEnded) -> bool:
    """Whether another than the app's own upstream answered and nothing had gone wrong: its policy
    balances, races or prefers another tier."""
    return not any(_is_trouble(entry.event) for entry in event.call.journal.entries)


def _is_trouble(event: CallEvent) -> bool:
    match event:
        case FellBack() | PassedOver() | StreamBroke():
            return True
        case AttemptEnded(kind=kind):
            return kind is not None
        case Hedged(waited_s=waited_s):
            return waited_s > 0
        case _:
            return False
