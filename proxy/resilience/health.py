"""How an upstream has been doing, for people, pages and choices."""

from dataclasses import dataclass

UNHEALTHY_AFTER = 3
"""Failures in a row after which an upstream is called unhealthy; one success makes it healthy."""

_WEIGHT = 0.1
"""Of the newest latency in the moving average: some ten calls are remembered."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    success_count: int
    failure_count: int
    success_rate: float
    average_latency_ms: float
    consecutive_failures: int
    is_healthy: bool


class Health:
    """Counts since the start of the process, and the average time to a usable answer."""

    __slots__ = ("_average_s", "_failed", "_row", "_succeeded")

    def __init__(self) -> None:
        self._succeeded = 0
        self._failed = 0
        self._row = 0
        self._average_s: float | None = None

    def succeeded(self, latency_s: float) -> None:
        self._succeeded += 1
        self._row = 0
        before = self._average_s
        self._average_s = latency_s if before is None else before + _WEIGHT * (latency_s - before)

    def failed(self) -> None:
        self._failed += 1
        self._row += 1

    def report(self) -> HealthReport:
        calls = self._succeeded + self._failed
        return HealthReport(
            success_count=self._succeeded,
            failure_count=self._failed,
            success_rate=self._succeeded / calls if calls else 1.0,
            average_latency_ms=(self._average_s or 0.0) * 1000,
            consecutive_failures=self._row,
            is_healthy=self._row < UNHEALTHY_AFTER,
        )
