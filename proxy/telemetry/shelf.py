"""All numbers of this process, in the order in which they were put up."""

from collections.abc import Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from proxy.telemetry.series import Counter, Gauge, Histogram, Reading, Series

# A token is due within tens of milliseconds, a thinking model's answer within minutes.
_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0)
_S = TypeVar("_S", Counter, Gauge, Histogram)


class Shelf(Collector):
    """Makes series, and shows them to prometheus_client. `labels` are names."""

    def __init__(self, readings: tuple[Reading, ...]) -> None:
        self._series: list[Series] = [*readings]
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return self._kept(Counter(name, meaning, *labels))

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return self._kept(Gauge(name, meaning, *labels))

    def histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        """Of seconds."""
        return self._kept(Histogram(name, meaning, _BOUNDS_S, *labels))

    def text(self) -> bytes:
        """Everything in Prometheus' text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        for series in self._series:
            yield series.family()

    def _kept(self, series: _S) -> _S:
        self._series.append(series)
        return series
