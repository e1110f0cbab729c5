"""One attempt at a target, as the journal of its call has it: begun, and ended once."""

from proxy.core.clock import Clock
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted
from proxy.core.failure import Failure
from proxy.core.journal import Journal


class Attempt:
    """Tells the journal that it begins, by being made, and how it ended."""

    __slots__ = ("_clock", "_journal", "_number", "_started", "_target")

    def __init__(
        self, journal: Journal, clock: Clock, target: str, model: str | None, span_id: int
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._target = target
        self._started = clock.now()
        self._number = journal.attempts + 1
        journal.tell(AttemptStarted(target, self._number, model, span_id))

    @property
    def took_s(self) -> float:
        """So far."""
        return self._clock.now() - self._started

    def answered(self, status: int) -> float:
        """How long it took, in seconds."""
        took_s = self._clock.now() - self._started
        self._journal.tell(AttemptEnded(self._target, self._number, took_s, status))
        return took_s

    def failed(self, failure: Failure) -> None:
        self._journal.tell(
            AttemptEnded(
                self._target,
                self._number,
                self.took_s,
                failure.status,
                failure.kind,
                failure.message,
                failure.retry_after_s,
                failure.hop,
            )
        )

    def cancelled(self) -> None:
        """The app left, or another target was quicker."""
        self._journal.tell(AttemptCancelled(self._target, self._number, self.took_s))
