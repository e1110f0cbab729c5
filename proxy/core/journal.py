"""The account of one call, kept while it runs, and who hears of each entry at once."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.core.clock import Clock
from proxy.core.event import (
    AttemptEnded,
    AttemptStarted,
    CallEvent,
    Event,
    PassedOver,
    StreamBroke,
)

Hear = Callable[[Event, "Journal | None"], None]
"""Who is told of an event as it happens; the journal is that of the call it belongs to, if any.
It must not wait and must not raise."""


class Entry(NamedTuple):
    """An event and when it was told, on `Clock.now`."""

    at: float
    event: CallEvent


_MAY_FAIL = (AttemptEnded, PassedOver, StreamBroke)
_OF_AN_ATTEMPT = (AttemptStarted, AttemptEnded, StreamBroke)


class Journal:
    """The account of one call, in order: its marks, its trace and its error body come from it.

    `attempts` counts provider calls, `failures` those that failed or broke, and targets held back.
    """

    __slots__ = ("_clock", "_hear", "attempts", "call_id", "entries", "failures", "opened_at")

    def __init__(self, call_id: str, clock: Clock, hear: Hear) -> None:
        self.call_id = call_id
        self.attempts = 0
        self.failures = 0
        self.entries: list[Entry] = []
        self._clock = clock
        self._hear = hear
        self.opened_at = clock.now()

    def tell(self, event: CallEvent) -> None:
        if type(event) is AttemptStarted:
            self.attempts += 1
        elif isinstance(event, _MAY_FAIL) and event.kind is not None:
            self.failures += 1
        self.entries.append(Entry(self._clock.now(), event))
        self._hear(event, self)

    def answers(self, target: str) -> bool:
        """Whether the last attempt at `target` has begun an answer, which has not broken."""
        for _, event in reversed(self.entries):
            if isinstance(event, _OF_AN_ATTEMPT) and event.target == target:
                return isinstance(event, AttemptEnded) and event.kind is None
        return False
