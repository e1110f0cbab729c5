"""How an upstream has been doing, for people, pages and choices."""

from dataclasses import dataclass
from math import inf

from proxy.core.clock import Clock
from proxy.core.event import HealthMoved
from proxy.core.failure import FailureKind
from proxy.core.journal import Hear
from proxy.policy.schema import Health as Settings
from proxy.resilience.standing.latency import averaged


@dataclass(frozen=True, slots=True)
class HealthReport:
    success_count: int
    failure_count: int
    success_rate: float
    average_latency_ms: float
    consecutive_failures: int
    is_healthy: bool


class Health:
    """Counts since the start of the process, and the average time to a usable answer.

    `settings.failures` in a row make it unhealthy, one success makes it `healthy` again, and so it
    is before its first call. As with breakers, what began before the last success is in no row. It
    outlives reloads: `settings` may be replaced at any time.
    """

    __slots__ = (
        "_average_s",
        "_clock",
        "_failed",
        "_hear",
        "_reason",
        "_row",
        "_settings",
        "_since",
        "_succeeded",
        "_upstream",
        "healthy",
        "last_kind",
    )

    def __init__(self, upstream: str, settings: Settings, clock: Clock, hear: Hear) -> None:
        self._upstream = upstream
        self._settings = settings
        self._clock = clock
        self._hear = hear
        self._succeeded = 0
        self._failed = 0
        self._row = 0
        self._reason = ""
        self._since = -inf  # the last failure, or trial
        self._average_s: float | None = None
        self.healthy = True
        self.last_kind: FailureKind | None = None

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._weigh()

    def succeeded(self, latency_s: float | None) -> None:
        """`latency_s` is None of what was no answer to the app: it would tell nothing of those."""
        self._succeeded += 1
        self._row = 0
        if latency_s is not None:
            self._average_s = averaged(self._average_s, latency_s)
        if not self.healthy:
            self._weigh()

    @property
    def successes(self) -> int:
        return self._succeeded

    def failed(self, kind: FailureKind, message: str, since: int | None = None) -> None:
        """`since` is what `successes` was when the call began; None: it began just now."""
        self._failed += 1
        if since is not None and since != self._succeeded:
            return
        self._row += 1
        self._since = self._clock.now()
        self.last_kind = kind
        self._reason = f"{kind.value}: {message}" if message else kind.value
        self._weigh()

    @property
    def reason(self) -> str:
        """Why it is unhealthy; empty where it is not."""
        if self.healthy:
            return ""
        row = "one failure," if self._row == 1 else f"{self._row} failures in a row, the last"
        return f"{row} {self._reason}"

    @property
    def rest_s(self) -> float:
        """Seconds until an unhealthy one may have another trial; 0 when it may now."""
        return max(0.0, self._since + self._settings.rest - self._clock.now())

    def trial(self) -> bool:
        """Whether the asker may try an unhealthy one: once `settings.rest` has passed since the
        last failure or trial, one may. The asking takes the trial, whatever becomes of it."""
        if self.healthy:
            return True
        now = self._clock.now()
        if now < self._since + self._settings.rest:
            return False
        self._since = now
        return True

    def forgive(self) -> None:
        """By hand: healthy until it fails anew. What was counted stays."""
        self._row = 0
        self._weigh()

    def report(self) -> HealthReport:
        calls = self._succeeded + self._failed
        return HealthReport(
            success_count=self._succeeded,
            failure_count=self._failed,
            success_rate=self._succeeded / calls if calls else 1.0,
            average_latency_ms=(self._average_s or 0.0) * 1000,
            consecutive_failures=self._row,
            is_healthy=self.healthy,
        )

    def _weigh(self) -> None:
        healthy = self._row < self._settings.failures
        if healthy is not self.healthy:
            self.healthy = healthy
            self._hear(HealthMoved(self._upstream, healthy, self.reason), None)
