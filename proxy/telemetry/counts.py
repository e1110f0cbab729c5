"""What `/status` tells of all calls so far, read off the counters of `/metrics`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy.core.reply import Source
from proxy.telemetry.outcome import BAD
from proxy.telemetry.series import Counter


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls that have ended, and how many have not (`in_flight`)."""

    total_requests: int
    failed: int
    fallback_requests: int
    in_flight: int
    targets_used: Mapping[str, int]
    sources: Mapping[str, int]

    @property
    def success_rate(self) -> float:
        """Share of calls that did not fail for reasons of ours or a provider's; 1.0 of none."""
        return 1.0 - self.failed / self.total_requests if self.total_requests else 1.0

    @property
    def fallback_rate(self) -> float:
        """Share of calls that another target than the first one answered; 0.0 of none."""
        return self.fallback_requests / self.total_requests if self.total_requests else 0.0


def count(calls: Counter, answers: Counter, in_flight: int) -> Counts:
    """`calls` is requests_total, `answers` is answers_total."""
    outcomes = calls.by("outcome")
    return Counts(
        total_requests=int(calls.total()),
        failed=sum(outcomes.get(bad.value, 0) for bad in BAD),
        fallback_requests=answers.by("fallback").get("true", 0),
        in_flight=in_flight,
        targets_used=MappingProxyType(answers.by("target")),
        sources=MappingProxyType({source.value: 0 for source in Source} | answers.by("source")),
    )
