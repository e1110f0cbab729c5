"""Where every event arrives: the one listener that the rest of the program is given."""

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from proxy.core.call import Trace
from proxy.core.clock import Clock, Dice
from proxy.core.event import CallEnded, Event
from proxy.core.headers import Headers
from proxy.core.journal import Journal
from proxy.telemetry.counts import Counts
from proxy.telemetry.environment import Tracing, read_tracing
from proxy.telemetry.line import LOGGER
from proxy.telemetry.lines import Lines
from proxy.telemetry.log import Log
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.series import Reading
from proxy.telemetry.story import Server, Servers

if TYPE_CHECKING:
    from proxy.telemetry.recorder import Recorder

_LOGGER = logging.getLogger(LOGGER)


def _nowhere(target: str) -> Server | None:
    """For who does not know where targets are: spans then don't say."""
    return None


class Telemetry:
    """Made once in each process that serves, after any fork. All but `close` is for the event loop.

    `environment` says whether and where to trace (`environment.read_tracing`). `log` is only read,
    for what it had to drop; lines go to whatever listens to Python's logging.
    """

    def __init__(
        self,
        clock: Clock,
        dice: Dice,
        environment: Mapping[str, str],
        *,
        version: str,
        servers: Servers = _nowhere,
        log: Log | None = None,
    ) -> None:
        tracing = read_tracing(environment, _LOGGER.warning)
        self._recorder = (
            None if tracing is None else _recorder(tracing, clock, dice, servers, version)
        )
        self._metrics = Metrics(version, tuple(self._readings(log)))
        self._lines = Lines(clock.now)
        self.bugs = 0

    def hear(self, event: Event, journal: Journal | None) -> None:
        """Count it, write of it, trace it. Never waits, never raises."""
        try:
            self._metrics.hear(event)
            self._lines.hear(event, journal)
            if self._recorder is not None and journal is not None and type(event) is CallEnded:
                self._recorder.ended(event, journal)
        except Exception:  # the border: a bug in telling of a call must not cost it its answer
            self.bugs += 1
            _LOGGER.exception("A bug in telemetry; the call that it is about goes on.")

    def trace_for(self, headers: Headers) -> Trace | None:
        """Where a call with these headers belongs. None when nobody traces: then `traceparent` is
        a header like any other."""
        return None if self._recorder is None else self._recorder.trace_for(headers)

    def metrics_text(self) -> bytes:
        """All metrics, of `metrics.CONTENT_TYPE`."""
        return self._metrics.text()

    def counts(self) -> Counts:
        """What `/status` tells of all calls."""
        return self._metrics.counts()

    def close(self, timeout_s: float) -> None:
        """Send the traces that wait, for at most `timeout_s`. Blocks, so call it in a thread."""
        if self._recorder is not None:
            self._recorder.close(timeout_s)

    def _readings(self, log: Log | None) -> Iterator[Reading]:
        """What other parts had to leave out, so that nothing is lost in silence."""
        yield Reading("telemetry_bugs_total", "Events not told of; see the log.", lambda: self.bugs)
        if log is not None:
            yield Reading("log_lines_dropped_total", "The stream was slow.", lambda: log.dropped)
        if self._recorder is not None:
            courier = self._recorder.courier
            yield Reading(
                "traces_dropped_total", "Calls whose traces were lost.", lambda: courier.dropped
            )


def _recorder(
    tracing: Tracing, clock: Clock, dice: Dice, servers: Servers, version: str
) -> "Recorder":
    from proxy.telemetry.recorder import Recorder  # slow and big: only who traces pays for it

    return Recorder(tracing, clock, dice, servers, version)
