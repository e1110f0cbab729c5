"""The lines about the program itself and its upstreams, which no call tells of."""

import logging
from collections.abc import Iterator

from proxy.core.event import (
    BY_HAND,
    BreakerMoved,
    HealthMoved,
    ModelLoaded,
    PolicyLoaded,
    PolicyRefused,
    Probed,
    ProcessEvent,
)
from proxy.telemetry.line import Field, Line, milliseconds
from proxy.telemetry.redact import redact

_BREAKER = {
    "open": "{0} keeps failing{1}; it is left alone until its breaker lets a probe through. Calls"
    " go to their next targets.",
    "half_open": "{0} is being probed{1}.",
    "closed": "{0} is asked again like any other{1}.",
}
_BREAKER_BY_HAND = {
    "open": "{0} was taken out by hand; it is left alone until its breaker is closed or reset by"
    " hand. Calls go to their next targets.",
    "half_open": "{0} is being probed, by hand.",
    "closed": "{0} was put back by hand; it is asked again like any other.",
}
_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


class Upkeep:
    """Words events of the process. It remembers whose probes fail: only the change is news."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def lines_of(self, event: ProcessEvent) -> Iterator[Line]:
        match event:
            case BreakerMoved():
                yield _breaker(event)
            case HealthMoved():
                yield _health(event)
            case Probed():
                yield self._probe(event)
            case PolicyLoaded(digest, files, warnings):
                message = f"A policy set is in force, from {', '.join(files)}."
                yield Line(_INFO, message, {"digest": digest})
                for warning in warnings:
                    yield Line(_WARNING, redact(warning), {"digest": digest})
            case PolicyRefused(complaints):
                kept = "The changed policies are wrong; the last good ones stay in force."
                for complaint in complaints:
                    yield Line(_ERROR, f"{kept} Fix: {redact(complaint)}", {})
            case ModelLoaded():
                yield _model(event)

    def _probe(self, event: Probed) -> Line:
        upstream = event.upstream
        fields: dict[str, Field] = {"upstream": upstream}
        fields["duration_ms"] = milliseconds(event.duration_s)
        failing = bool(event.error)
        changed = failing is not (upstream in self._failing)
        if failing:
            self._failing.add(upstream)
            message = f"A probe of {upstream} failed: {redact(event.error)}"
            return Line(_WARNING if changed else _DEBUG, message, fields)
        self._failing.discard(upstream)
        message = f"A probe of {upstream} succeeded{' again' if changed else ''}."
        return Line(_INFO if changed else _DEBUG, message, fields)


def _breaker(event: BreakerMoved) -> Line:
    words = _BREAKER_BY_HAND if event.reason == BY_HAND else _BREAKER
    why = f" ({redact(event.reason)})" if event.reason else ""
    message = words[event.after].format(event.upstream, why)
    level = _WARNING if event.after == "open" else _INFO
    fields: dict[str, Field] = {"upstream": event.upstream, "before": event.before}
    return Line(level, message, fields | {"after": event.after})


def _health(event: HealthMoved) -> Line:
    why = f" ({redact(event.reason)})" if event.reason else ""
    fields: dict[str, Field] = {"upstream": event.upstream, "healthy": event.healthy}
    if event.healthy:
        return Line(_INFO, f"{event.upstream} is healthy again{why}.", fields)
    message = (
        f"{event.upstream} is unhealthy{why}; where another target is healthy, that one is asked"
        " first until a call or a probe of it succeeds."
    )
    return Line(_WARNING, message, fields)


def _model(event: ModelLoaded) -> Line:
    fields: dict[str, Field] = {"model": event.model, "backend": event.backend}
    fields["duration_ms"] = milliseconds(event.duration_s)
    if not event.error:
        return Line(_INFO, f"The local model {event.model} is ready.", fields)
    message = (
        f"The local model {event.model} could not be loaded: {redact(event.error)}."
        " Local embeddings are off until it can be."
    )
    return Line(_WARNING, message, fields)
