"""Finds the attempts in a story: which entries of a journal belong to which call of a provider."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    AttemptStarted,
    Resumed,
    StreamBroke,
    UsageSeen,
)
from proxy.core.journal import Entry


@dataclass(slots=True)
class Attempt:
    """One call of a provider. `ended` is None when there was no answer and no failure; `broke` when
    its answer was cut after it began; `cancelled` when nobody wanted its answer any more. `resend`
    counts from 0 over the attempts at the same target."""

    started: AttemptStarted
    started_at: float
    resend: int
    ended: AttemptEnded | None = None
    ended_at: float | None = None
    broke: StreamBroke | None = None
    cancelled: bool = False
    usage: UsageSeen | None = None

    @property
    def answered(self) -> bool:
        return self.ended is not None and self.ended.kind is None

    @property
    def failed(self) -> bool:
        return self.ended is not None and self.ended.kind is not None

    @property
    def passed_on(self) -> bool:
        """Whether the app may have got its answer."""
        return self.answered and not self.cancelled and self.broke is None


def attempts(entries: Iterable[Entry]) -> list[Attempt]:
    """The attempts in their order; several may have been under way at once. One that answered and
    was not cut has no `ended_at`: its answer lasted as long as the call."""
    found: list[Attempt] = []
    for entry in entries:
        match entry.event:
            case AttemptStarted() as event:
                resend = sum(attempt.started.target == event.target for attempt in found)
                found.append(Attempt(event, entry.at, resend))
            case AttemptEnded() as event:
                for attempt in _numbered(found, event.number):
                    attempt.ended = event
                    attempt.ended_at = None if event.kind is None else entry.at
            case AttemptCancelled() as event:
                for attempt in _numbered(found, event.number):
                    attempt.cancelled, attempt.ended_at = True, entry.at
            case StreamBroke() as event:
                _break(found, event, entry.at)
            case Resumed(origin, target, kind):
                _break(found, StreamBroke(origin, kind, f"{target} went on with it"), entry.at)
            case UsageSeen() as event:
                used = _last(a for a in found if _may_have_used(a, event))
                if used is not None:
                    used.usage = event
    return found


def _break(found: Iterable[Attempt], event: StreamBroke, at: float) -> None:
    cut = _last(a for a in found if a.passed_on and a.started.target == event.target)
    if cut is not None:
        cut.broke, cut.ended_at = event, at


def _numbered(found: Iterable[Attempt], number: int) -> Iterator[Attempt]:
    return (attempt for attempt in found if attempt.started.number == number)


def _may_have_used(attempt: Attempt, event: UsageSeen) -> bool:
    """Tokens are told of before or after the attempt has ended well, and by a stream that broke
    after it broke."""
    if event.target:
        return attempt.started.target == event.target and not attempt.failed
    return not attempt.failed and not attempt.cancelled


def _last(attempts: Iterable[Attempt]) -> Attempt | None:
    """Of several that it could be, it is the one whose answer was passed on."""
    return next(reversed(list(attempts)), None)
