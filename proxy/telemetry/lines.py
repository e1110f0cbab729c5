"""Event -> log line: what happened, what Understudy did about it, and what to do.

An answer that nobody needs to hear of is a line at debug. Every other call has one line when it has
ended, and lines of what was tried as it was tried. What providers say is masked here.
"""

import logging
from collections.abc import Callable, Mapping

from proxy.core.event import (
    AttemptEnded,
    AttemptStarted,
    Bug,
    CacheLooked,
    CallEnded,
    CallStarted,
    Event,
    ProcessEvent,
    UsageSeen,
)
from proxy.core.journal import Journal
from proxy.core.pact import app_retries
from proxy.telemetry.advice import sentence
from proxy.telemetry.doors import DoorEvent, Doors
from proxy.telemetry.line import FIELDS, LOGGER, Field, Line, milliseconds
from proxy.telemetry.outcome import BAD, STAND_INS, Outcome, is_plain, outcome
from proxy.telemetry.redact import redact
from proxy.telemetry.trials import AT_DEBUG, line_of
from proxy.telemetry.upkeep import Upkeep

# The call's own line says what came of them.
_UNTOLD = frozenset((CallStarted, AttemptStarted, AttemptEnded, UsageSeen, CacheLooked))

_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


class Lines:
    """Writes to the logger LOGGER, whoever listens there. `now` is of a Clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._logger = logging.getLogger(LOGGER)
        self._upkeep = Upkeep()
        self._doors = Doors(now)

    def hear(self, event: Event, journal: Journal | None) -> None:
        kind = type(event)
        if kind in _UNTOLD or (kind in AT_DEBUG and not self._logger.isEnabledFor(_DEBUG)):
            return
        if isinstance(event, CallEnded):
            self._ended(event, journal)
        elif isinstance(event, Bug):
            message = f"A bug in Understudy, at {event.where}: please report it with what follows."
            self._say(Line(_ERROR, message, _of(journal)), event.error)
        elif isinstance(event, DoorEvent):
            self._say(self._doors.line_of(event))
        elif isinstance(event, ProcessEvent):
            for line in self._upkeep.lines_of(event):
                self._say(line)
        elif (line_of_it := line_of(event)) is not None:
            level, message, fields = line_of_it
            self._say(Line(level, message, {**_of(journal), **fields}))

    def _ended(self, event: CallEnded, journal: Journal | None) -> None:
        if is_plain(event):
            if self._logger.isEnabledFor(_DEBUG):
                self._say(Line(_DEBUG, f"Answered by {event.target}.", _of_call(event)))
            return
        result = outcome(event)
        urgent = result in BAD or result is Outcome.LOST or event.source in STAND_INS
        level = _WARNING if urgent else _INFO
        if self._logger.isEnabledFor(level):
            self._say(Line(level, sentence(event, result, journal), _of_call(event)))

    def _say(self, line: Line, error: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(line.level):
            self._logger.log(
                line.level, "%s", line.message, exc_info=error, extra={FIELDS: line.fields}
            )


def _of(journal: Journal | None) -> Mapping[str, Field]:
    return {} if journal is None else {"call": journal.call_id}


def _of_call(event: CallEnded) -> Mapping[str, Field]:
    call = event.call
    fields: dict[str, Field] = {
        "call": call.id,
        "route": event.route,
        "upstream": call.upstream,
        "face": call.face.value,
        "operation": call.operation.value,
        "target": event.target,
        "source": event.source.value,
        "status": event.status,
        "end": event.end.value,
        "attempts": call.journal.attempts,
        "duration_ms": milliseconds(event.duration_s),
        "first_byte_ms": milliseconds(event.first_byte_s),
        "bytes_sent": event.bytes_sent,
    }
    if event.kind is not None:
        fields["kind"] = event.kind.value
    if event.degraded:
        fields["degraded"] = redact(event.degraded)
    if app_retry := app_retries(call.headers):
        fields["app_retry"] = app_retry
    if call.trace is not None:
        fields["trace_id"] = f"{call.trace.trace_id:032x}"
    return fields
