"""Leaves an upstream alone that keeps failing. The only module that touches pybreaker.

pybreaker is a sound state machine and an unsafe wrapper under asyncio (it counts a coroutine as
done before it ran, lets every caller probe at half-open, and blames hang-ups on the provider). So
it never sees a call. Each call takes a Permit; the permit's outcome is fed to pybreaker afterwards,
as a synchronous call that is decided already:

    permit() --- closed -----------------------------> Permit
       |     --- open, time up: half_open ---+
       |     --- half_open, a probe is free -+-------> Permit (a probe)
       |     --- otherwise, who must insist ---------> Permit (one that insists)
       |     --- otherwise --------------------------> Failure(circuit_open)

Failures in a row are pybreaker's to count; the rates of the window are judged here. A failure of a
call that began before the last success is in no row, and counts in the window alone: of a hundred
calls at once, those that time out do so together, while all others are answered.

A call that insists goes through beside the probes and takes none of their places. Its success is as
good a proof as a probe's and closes the breaker; its failure proves what was known, and changes
nothing.
"""

from contextlib import suppress
from math import inf

import pybreaker

from proxy.core.clock import Clock
from proxy.core.event import BY_HAND, BreakerMoved
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.policy.schema import Breaker as Settings
from proxy.resilience.standing.permit import INSISTS, Permit
from proxy.resilience.standing.probes import Probes
from proxy.resilience.standing.respite import Respite
from proxy.resilience.standing.window import Window

SLOWNESS = FailureKind.TIMEOUT_FIRST_BYTE
"""The cause of a breaker's opening for calls that were slow and did not fail."""

_CREDENTIAL = frozenset((FailureKind.AUTH, FailureKind.QUOTA))
_CLOSED, _OPEN, _HALF_OPEN = "closed", "open", "half_open"
_NAMES = {
    pybreaker.STATE_CLOSED: _CLOSED,
    pybreaker.STATE_OPEN: _OPEN,
    pybreaker.STATE_HALF_OPEN: _HALF_OPEN,
}


class _Blame(Exception):
    """Stands for a failed call in pybreaker's books."""


def _well() -> None:
    """A call that succeeded."""


def _badly() -> None:
    """A call that failed."""
    raise _Blame


class Breaker(pybreaker.CircuitBreakerListener):
    """The breaker of one upstream. It outlives reloads: `settings` may be replaced at any time,
    which shortens no time that runs and forgets no call.

    `cause` is the kind of the failure that opened it, while it is not closed. While it is `held`,
    somebody has opened it by hand, and nothing but a hand closes it.
    """

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
        self._state = _CLOSED
        self._settings = settings
        self._slow_s = inf if settings.slow_call is None else settings.slow_call
        self._window = Window(clock, settings.window)
        self._epoch = 0
        self._successes = 0
        self._probes = Probes(clock)
        self._respite = Respite(clock)
        self._kind = FailureKind.UNAVAILABLE  # of the last failure that counted
        self._reason = ""
        self.cause: FailureKind | None = None
        self.held = False
        self.since = clock.wall()
        self.opened_count = 0

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings.window != self._settings.window:
            self._window = self._window.resized(settings.window)
        self._machine.fail_max = settings.consecutive
        self._slow_s = inf if settings.slow_call is None else settings.slow_call
        self._settings = settings

    @property
    def state(self) -> str:
        """closed, open or half_open."""
        return self._state

    @property
    def retry_after_s(self) -> float:
        """Seconds until a probe may go; 0 when one may go now, inf while it is held."""
        if self.held:
            return inf
        return self._respite.left_s if self._state == _OPEN else 0.0

    def permit(self, insist: bool = False) -> Permit:
        """Leave for one call, or Failure(circuit_open) with the seconds until a probe may go. Who
        must `insist` gets one unless it is held: nobody else is left to ask."""
        if self._state == _CLOSED:
            return Permit(self, self._epoch, None, self._successes)
        if self._may_probe():
            return self._probe()
        if insist and not self.held:
            return Permit(self, self._epoch, INSISTS)
        raise self._refusal()

    def refusal(self) -> Failure | None:
        """The Failure that `permit` would raise now, if it would."""
        return None if self._state == _CLOSED or self._may_probe() else self._refusal()

    def _may_probe(self) -> bool:
        if self._state == _OPEN:
            return not self.held and self._respite.left_s <= 0.0
        return self._probes.free(self._settings.probes)

    def _probe(self) -> Permit:
        settings = self._settings
        if self._state == _OPEN:
            self._machine.half_open()
            self._probes.begin(settings.open)
        return Permit(self, self._epoch, self._probes.take(settings.probes, settings.open))

    def _refusal(self) -> Failure:
        return Failure(
            FailureKind.CIRCUIT_OPEN,
            f"its breaker is {self._state} ({self._reason})",
            target=self._upstream,
            retry_after_s=None if self.held else max(self.retry_after_s, 1.0),
            sent=False,
            cause=self.cause,
        )

    def force_open(self) -> None:
        """By hand: nobody is let through until `force_close`."""
        if not self.held:
            self.held, self._reason = True, BY_HAND
            self._machine.open()

    def force_close(self) -> None:
        """By hand: closed, with no failure to remember. From then on it moves by itself."""
        self.held = False
        if self._state == _CLOSED:
            self._machine.call(_well)
            self._forget()
        else:
            self._reason = BY_HAND
            self._machine.close()

    def succeeded(self, permit: Permit, latency_s: float) -> None:
        if permit.epoch != self._epoch:
            return  # a straggler from before the last change of state: no news of this one
        slow = latency_s >= self._slow_s
        if permit.turn is not None:
            self._proved_well(permit.turn, slow)
            return
        self._successes += 1
        self._window.note(slow=slow)
        if self._machine.fail_counter:  # else there is nothing to forget
            self._machine.call(_well)
            self._respite.forget_hints()
        if slow:
            self._judge_slowness()

    def failed(
        self, permit: Permit, kind: FailureKind, latency_s: float, retry_after_s: float | None
    ) -> None:
        straggler = permit.epoch != self._epoch
        if straggler and self._state == _CLOSED:
            return
        if retry_after_s is not None:
            self._respite.hint(retry_after_s)
        if straggler or permit.turn == INSISTS:
            return
        if permit.turn is not None:
            self._blame(kind, "the probe failed")
            return
        settings = self._settings
        self._window.note(failed=True, slow=latency_s >= self._slow_s)
        calls, failed, _ = self._window.counts()
        why = f"{failed} of {calls} calls in {settings.window:g} s failed"
        if permit.since == self._successes:
            self._blame(kind, why)
        else:
            self._kind, self._reason = kind, why
        if self._state != _CLOSED:
            return
        if calls >= settings.min_calls and failed >= calls * settings.failure_rate:
            self._machine.open()
        else:
            self._judge_slowness()

    def ignored(self, permit: Permit) -> None:
        self._probes.give(permit.turn)

    def _proved_well(self, turn: int, slow: bool) -> None:
        if slow and self.cause is SLOWNESS:  # it answers as late as when it was left alone
            if turn != INSISTS:
                self._blame(SLOWNESS, "the probe was slow")
            return
        if self._state == _OPEN:  # it insisted, and pybreaker closes from half-open only
            self._machine.half_open()
        self._machine.call(_well)

    def _blame(self, kind: FailureKind, reason: str) -> None:
        self._kind, self._reason = kind, reason
        with suppress(_Blame):  # pybreaker hands on what it was told
            self._machine.call(_badly)

    def _judge_slowness(self) -> None:
        calls, _, slow = self._window.counts()
        settings = self._settings
        if calls >= settings.min_calls and slow >= calls * settings.slow_rate:
            self._kind = SLOWNESS
            self._reason = f"{slow} of {calls} calls in {settings.window:g} s were slow"
            self._machine.open()

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """pybreaker tells its listeners."""
        before = _NAMES[old_state.name] if old_state is not None else ""
        after = self._state = _NAMES[new_state.name]
        self._epoch += 1
        self.since = self._clock.wall()
        told = self._reason
        if after == _OPEN:
            self.opened_count += before != _OPEN
            self.cause = None if self.held else self._kind
            of_a_key, settings = self._kind in _CREDENTIAL, self._settings
            self._respite.begin(settings.open_credential if of_a_key else settings.open)
        elif after == _CLOSED:
            self._forget()
            told = BY_HAND if told == BY_HAND else ""
        self._hear(BreakerMoved(self._upstream, before, after, told), None)

    def _forget(self) -> None:
        self._window.clear()
        self._respite.forget_hints()
        self._reason, self.cause = "", None
