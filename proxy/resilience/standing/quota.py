"""What is left of a provider's rate limits, as far as its answers have told."""

from math import inf
from typing import NamedTuple

from proxy.core.clock import Clock
from proxy.dialects.allowance import Allowance

TRUSTED_S = 3600.0
"""An upstream is thought to have nothing left for no longer than this, whatever it says: asking it
once an hour costs one refusal, and a date that is wrong would cost the upstream."""

GUESSED_S = 5.0
"""How long nothing is thought to be left where the provider does not say."""

DREGS = 0.01
"""Of anything but requests a call takes many: less than this share of the limit is none."""

LOOK_S = 0.05
"""How often answers are looked at for limits while there is plenty: what is sent meanwhile is
counted here, and reading six headers costs as much as all other checks of a call."""

PLENTY = 0.2
"""More than this share of every limit."""

_REQUESTS, _ASKED_FOR = "requests", ("tokens", "input-tokens")


class Taken(NamedTuple):
    """All that an upstream was asked for so far: a moment in the order of its calls."""

    requests: int = 0
    tokens: int = 0


class _Left(NamedTuple):
    """One limit as an answer told it: `told` was left when the calls up to `since` were counted.
    Less than `least` is none."""

    told: int
    limit: int | None
    least: float
    ends_at: float
    since: Taken


class Quota:
    """What one upstream allows us for now. It outlives reloads.

    An answer tells what was left when its own request was counted; what was sent after that one,
    answered or not, is taken off. What was told holds until the limit is reset, no longer.
    """

    __slots__ = ("_clock", "_left", "_looked_at", "_refused_until", "_taken")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken = Taken()
        self._left: dict[str, _Left] = {}
        self._looked_at = -inf
        self._refused_until = -inf

    @property
    def due(self) -> bool:
        """Whether an answer should be looked at for what it tells."""
        return self._clock.now() - self._looked_at >= LOOK_S

    def take(self, tokens: int) -> Taken:
        """A request is about to be sent, which will take about `tokens` (0: nobody knows). What
        comes back belongs to its answer: see `learn`."""
        requests, before = self._taken
        self._taken = Taken(requests + 1, before + tokens)
        return self._taken

    def learn(self, told: tuple[Allowance, ...], since: Taken | None = None) -> None:
        """An answer told what is left. `since` is what `take` gave for its request; without it,
        nothing is thought to have been sent meanwhile."""
        if not told:
            return
        since = self._taken if since is None else since
        now = self._clock.now()
        for allowance in told:
            self._learn(allowance, since, now)
        self._looked_at = now if self.share > PLENTY else -inf

    def _learn(self, told: Allowance, since: Taken, now: float) -> None:
        if told.remaining < 0:
            return  # some say -1 for "no limit"
        before = self._left.get(told.of)
        if before is not None and since < before.since and now < before.ends_at:
            return  # answers overtake one another: a later request's is known already
        reset_s = GUESSED_S if told.reset_s is None else min(told.reset_s, TRUSTED_S)
        limit = told.limit if told.limit is not None and told.limit > 0 else None
        least = 1.0 if told.of == _REQUESTS or limit is None else max(1.0, limit * DREGS)
        self._left[told.of] = _Left(told.remaining, limit, least, now + reset_s, since)

    def refused(self, wait_s: float) -> None:
        """It answered that there is nothing left for `wait_s`. Another word may only extend it."""
        until = self._clock.now() + min(wait_s, TRUSTED_S)
        self._refused_until = max(self._refused_until, until)

    @property
    def spent_s(self) -> float | None:
        """Seconds until there is something left again; None when there is now."""
        if not self._left and self._refused_until == -inf:
            return None
        now = self._clock.now()
        until = self._refused_until
        for of, left in self._left.items():
            ends_at = left.ends_at
            if ends_at > now and ends_at > until and self._remaining(of, left) < left.least:
                until = ends_at
        return until - now if until > now else None

    @property
    def share(self) -> float:
        """0..1: what is left of the scarcest limit; 1 when nothing is known."""
        now = self._clock.now()
        if now < self._refused_until:
            return 0.0
        scarcest = 1.0
        for of, left in self._left.items():
            if now < left.ends_at and left.limit is not None:
                scarcest = min(scarcest, max(0, self._remaining(of, left)) / left.limit)
        return scarcest

    def _remaining(self, of: str, left: _Left) -> int:
        if of == _REQUESTS:
            return left.told - (self._taken.requests - left.since.requests)
        if of in _ASKED_FOR:
            return left.told - (self._taken.tokens - left.since.tokens)
        return left.told
