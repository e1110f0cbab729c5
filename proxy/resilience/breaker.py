"""Leaves an upstream alone that keeps failing. The only module that touches pybreaker.

pybreaker is a sound state machine and an unsafe wrapper under asyncio (it counts a coroutine as
done before it ran, lets every caller probe at half-open, and blames hang-ups on the provider). So
it never sees a call. Each call takes a Permit; the permit's outcome is fed to pybreaker afterwards,
as a synchronous call that is decided already:

    permit() --- closed -----------------------------> Permit
       |     --- open, time not up ------------------> Failure(circuit_open)
       |     --- open, time up: half_open ---+
       |     --- half_open, a probe is free -+-------> Permit (a probe)
       |     --- half_open, none free ---------------> Failure(circuit_open)
    Permit.succeeded | failed | ignored, exactly one, once
"""

from enum import Enum

import pybreaker

from proxy.core.clock import Clock
from proxy.core.event import BreakerMoved
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.window import Window

_NAMES = {
    pybreaker.STATE_CLOSED: "closed",
    pybreaker.STATE_OPEN: "open",
    pybreaker.STATE_HALF_OPEN: "half_open",
}


class _Blame(Exception):
    """Stands for a failed call in pybreaker's books."""


def _well() -> None:
    """A call that succeeded."""


def _badly() -> None:
    """A call that failed."""
    raise _Blame


class Outcome(Enum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IGNORED = "ignored"


class Permit:
    """Leave to make one call; with a `turn`, as a probe. It ends once: the first word counts."""

    __slots__ = ("_breaker", "_epoch", "_turn")

    def __init__(self, breaker: "Breaker", epoch: int, turn: int | None = None) -> None:
        self._breaker: Breaker | None = breaker
        self._epoch = epoch
        self._turn = turn

    def succeeded(self) -> None:
        self._end(Outcome.SUCCEEDED)

    def failed(self) -> None:
        self._end(Outcome.FAILED)

    def ignored(self) -> None:
        """It says nothing of the upstream: the app hung up, or the mistake was the app's."""
        self._end(Outcome.IGNORED)

    def _end(self, outcome: Outcome) -> None:
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker._ended(outcome, self._epoch, self._turn)


class Breaker(pybreaker.CircuitBreakerListener):
    """The breaker of one upstream. It outlives reloads: `settings` may be replaced at any time."""

    def __init__(self, upstream: str, settings: Settings, clock: Clock, hear: Hear) -> None:
        self._upstream = upstream
        self._clock = clock
        self._hear = hear
        self._machine = pybreaker.CircuitBreaker(
            fail_max=settings.consecutive,
            throw_new_error_on_trip=False,
            listeners=[self],
            name=upstream,
        )
        self._settings = settings
        self._window = Window(clock, settings.window)
        self._epoch = 0
        self._turn, self._turn_ends_at, self._probes = 0, 0.0, 0
        self._reopens_at = 0.0
        self._reason = ""
        self.since = clock.wall()
        self.opened_count = 0

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings.window != self._settings.window:
            self._window = Window(self._clock, settings.window)
        self._machine.fail_max = settings.consecutive
        self._settings = settings

    @property
    def state(self) -> str:
        """closed, open or half_open."""
        return _NAMES[self._machine.current_state]

    @property
    def retry_after_s(self) -> float:
        """Seconds until a probe may go; 0 when one may go now."""
        return max(0.0, self._reopens_at - self._clock.now()) if self.state == "open" else 0.0

    def permit(self) -> Permit:
        """Leave for one call, or Failure(circuit_open) with the seconds until a probe may go."""
        state = self._machine.current_state
        if state == pybreaker.STATE_CLOSED:
            return Permit(self, self._epoch)
        if state == pybreaker.STATE_OPEN:
            if self._clock.now() < self._reopens_at:
                raise self._refusal()
            self._machine.half_open()
            self._begin_turn()
        if self._probes >= self._settings.probes:
            if self._clock.now() < self._turn_ends_at:
                raise self._refusal()
            self._begin_turn()
        self._probes += 1
        return Permit(self, self._epoch, self._turn)

    def _begin_turn(self) -> None:
        """Probes of the turn before may tell how they ended, but an app that stops reading one can
        no longer keep everybody else out."""
        self._turn += 1
        self._turn_ends_at = self._clock.now() + self._settings.open
        self._probes = 0

    def _refusal(self) -> Failure:
        return Failure(
            FailureKind.CIRCUIT_OPEN,
            f"its breaker is {self.state} ({self._reason})",
            target=self._upstream,
            retry_after_s=max(self.retry_after_s, 1.0),
            sent=False,
        )

    def _ended(self, outcome: Outcome, epoch: int, turn: int | None) -> None:
        if epoch != self._epoch:
            return  # a straggler from before the last change of state: no news of this one
        if turn == self._turn:
            self._probes -= 1
        if outcome is Outcome.IGNORED:
            return
        if outcome is Outcome.SUCCEEDED:
            self._window.success()
            if turn is not None or self._machine.fail_counter:  # else there is nothing to forget
                self._machine.call(_well)
            return
        self._window.failure()
        self._reason = self._why() if turn is None else "the probe failed"
        try:
            self._machine.call(_badly)
        except _Blame:
            if self._machine.current_state == pybreaker.STATE_CLOSED and self._rate_is_high():
                self._machine.open()

    def _why(self) -> str:
        succeeded, failed = self._window.counts()
        return f"{failed} of {succeeded + failed} calls in {self._settings.window:g} s failed"

    def _rate_is_high(self) -> bool:
        succeeded, failed = self._window.counts()
        calls = succeeded + failed
        return calls >= self._settings.min_calls and failed >= calls * self._settings.failure_rate

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """pybreaker tells its listeners."""
        before = _NAMES[old_state.name] if old_state is not None else ""
        after = _NAMES[new_state.name]
        self._epoch += 1
        self.since = self._clock.wall()
        if after == "open":
            self.opened_count += 1
            self._reopens_at = self._clock.now() + self._settings.open
        if after == "closed":
            self._window.clear()
            self._reason = ""
        self._hear(BreakerMoved(self._upstream, before, after, self._reason), None)
