"""Traces calls: a context before each starts, its spans to the collector after it has ended.

Importing this imports OpenTelemetry (0.1 s and some 15 MiB), so only who traces does.
"""

import logging
from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from proxy.core.call import Trace
from proxy.core.clock import Clock, Dice
from proxy.core.event import CallEnded
from proxy.core.headers import Headers
from proxy.core.journal import Journal
from proxy.telemetry.context import begin, new_trace_id, parent_of
from proxy.telemetry.courier import Courier
from proxy.telemetry.environment import Tracing
from proxy.telemetry.exporter import Exporter
from proxy.telemetry.line import LOGGER
from proxy.telemetry.sampling import is_sampled, sampler_named
from proxy.telemetry.spans import SCHEMA_URL, Spans
from proxy.telemetry.story import Servers, Story, story_of

_LOGGER = logging.getLogger(LOGGER)
_SDK = {"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python"}


class Recorder:
    """What it does for a call costs some microseconds on the event loop; the rest a thread does."""

    def __init__(
        self, tracing: Tracing, clock: Clock, dice: Dice, servers: Servers, version: str
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._sampler = sampler_named(tracing.sampler, tracing.ratio)
        resource = Resource({"service.version": version, **tracing.resource, **_SDK})
        scope = InstrumentationScope("understudy", version, SCHEMA_URL)
        self._spans = Spans(resource, scope, servers)
        self._exporter = Exporter(tracing)
        self.courier = Courier(self._deliver)

    def trace_for(self, headers: Headers) -> Trace:
        """Where a call with these headers belongs, and whether it is traced."""
        parent = parent_of(headers)
        trace_id = new_trace_id(self._dice) if parent is None else parent.trace_id
        sampled = is_sampled(self._sampler, parent, trace_id)
        return begin(parent, trace_id, self._dice, sampled=sampled)

    def ended(self, event: CallEnded, journal: Journal) -> None:
        trace = event.call.trace
        if trace is not None and trace.sampled:
            now, wall = self._clock.now(), self._clock.wall()
            self.courier.offer(story_of(trace, event, journal, now, wall))

    def close(self, timeout_s: float) -> None:
        """Send what waits, for at most `timeout_s`. Blocks."""
        if not self.courier.close(timeout_s):
            _LOGGER.warning(
                "The last traces are lost: the collector did not take them in %.1f s.", timeout_s
            )
        self._exporter.close()

    def _deliver(self, stories: Sequence[Story]) -> bool:
        return self._exporter.send(span for story in stories for span in self._spans.of(story))
