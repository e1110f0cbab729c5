"""Event -> metric. Labels are words of the program and names from policies, never of a request."""

from collections.abc import Callable
from typing import Any

from proxy.core.event import (
    AttemptCancelled,
    AttemptEnded,
    AuthorityIssued,
    BreakerMoved,
    Bug,
    CacheLooked,
    CallEnded,
    CallStarted,
    CertificateRefused,
    Event,
    FellBack,
    HealthMoved,
    Hedged,
    ModelLoaded,
    PassedOver,
    PolicyLoaded,
    PolicyRefused,
    Probed,
    Resumed,
    Retrying,
    RetryRefused,
    StreamBroke,
    Tunnelled,
    TurnedAway,
    UsageSeen,
)
from proxy.telemetry.call_numbers import CallNumbers
from proxy.telemetry.counts import Counts
from proxy.telemetry.door_numbers import DoorNumbers
from proxy.telemetry.series import Reading
from proxy.telemetry.shelf import Shelf
from proxy.telemetry.target_numbers import TargetNumbers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """All numbers of this process since it started. Counted and read on one event loop."""

    def __init__(self, version: str, readings: tuple[Reading, ...] = ()) -> None:
        shelf = self._shelf = Shelf(readings)
        self._calls = CallNumbers(shelf)
        self._targets = TargetNumbers(shelf)
        self._doors = DoorNumbers(shelf)
        self._policies = shelf.counter("policy_loads_total", "Policy sets read.", "outcome")
        self._policy = shelf.gauge("policy_info", "The policy set in force.", "digest")
        self._models = shelf.counter(
            "model_loads_total", "Local embedding models loaded.", "backend", "outcome"
        )
        self._bugs = shelf.counter("bugs_total", "Exceptions of ours; the log has them.")
        shelf.gauge("build_info", "What runs here.", "version").put((version,), 1)
        self._notes = self._table()

    def hear(self, event: Event) -> None:
        note = self._notes.get(type(event))
        if note is not None:
            note(event)

    def _table(self) -> dict[type, Callable[[Any], None]]:
        """What is counted of each event. A call's start of an attempt is counted at its end."""
        calls, targets, doors = self._calls, self._targets, self._doors
        return {
            CallStarted: calls.started,
            CallEnded: calls.ended,
            UsageSeen: calls.used,
            CacheLooked: calls.looked,
            AttemptEnded: targets.attempted,
            AttemptCancelled: targets.cancelled,
            Retrying: targets.retried,
            RetryRefused: targets.refused,
            Hedged: targets.hedged,
            FellBack: targets.fell_back,
            PassedOver: targets.passed_over,
            StreamBroke: targets.broke,
            Resumed: targets.resumed,
            BreakerMoved: targets.breaker_moved,
            HealthMoved: targets.health_moved,
            Probed: targets.probed,
            TurnedAway: doors.turned_away,
            Tunnelled: doors.tunnelled,
            CertificateRefused: doors.distrusted,
            AuthorityIssued: doors.issued,
            PolicyLoaded: self._loaded,
            PolicyRefused: lambda event: self._policies.add(("refused",)),
            Bug: lambda event: self._bugs.add(()),
            ModelLoaded: lambda event: self._models.add(
                (event.backend, "failed" if event.error else "loaded")
            ),
        }

    def _loaded(self, event: PolicyLoaded) -> None:
        self._policies.add(("loaded",))
        self._policy.only((event.digest,), 1)

    def counts(self) -> Counts:
        return self._calls.counts()

    def text(self) -> bytes:
        """Everything in Prometheus' text form, of CONTENT_TYPE."""
        self._calls.read()
        return self._shelf.text()
