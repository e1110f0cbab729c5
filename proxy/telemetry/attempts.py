"""Finds the attempts in a story: which entries of a journal belong to which call of a provider."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.core.event import (
    AttemptEnded,
    AttemptStarted,
    StreamBroke,
    UsageSeen,
)
from proxy.core.journal import Entry


@dataclass(slots=True)
class Attempt:
    """One call of a provider. `ended` is None when it was cancelled; `broke` when its answer was
    cut after it began. `resend` counts from 0 over the attempts at the same target."""

    started: AttemptStarted
    started_at: float
    resend: int
    ended: AttemptEnded | None = None
    ended_at: float | None = None
    broke: StreamBroke | None = None
    usage: UsageSeen | None = None

    @property
    def answered(self) -> bool:
        return self.ended is not None and self.ended.kind is None

    @property
    def failed(self) -> bool:
        return self.ended is not None and self.ended.kind is not None


def attempts(entries: Iterable[Entry]) -> list[Attempt]:
    """The attempts in their order. One that answered and was not cut has no `ended_at`: its answer
    lasted as long as the call."""
    found: list[Attempt] = []
    for entry in entries:
        match entry.event:
            case AttemptStarted() as event:
                resend = sum(attempt.started.target == event.target for attempt in found)
                found.append(Attempt(event, entry.at, resend))
            case AttemptEnded() as event:
                ended = _last(a for a in found if a.started.number == event.number)
                if ended is not None:
                    ended.ended = event
                    ended.ended_at = None if event.kind is None else entry.at
            case StreamBroke() as event:
                cut = _last(a for a in found if a.answered and a.started.target == event.target)
                if cut is not None:
                    cut.broke, cut.ended_at = event, entry.at
            case UsageSeen() as event:
                used = _last(a for a in found if not a.failed)
                if used is not None:
                    used.usage = event
    return found


def _last(attempts: Iterable[Attempt]) -> Attempt | None:
    """Of several that it could be, it is the one whose answer was passed on."""
    return next(reversed(list(attempts)), None)
