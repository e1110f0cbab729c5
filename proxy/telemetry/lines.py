"""Event -> log line: what happened, what Understudy did about it, and what to do.

An answer that nobody needs to hear of is a line at debug. Every other call has one line when it has
ended, and lines of what was tried as it was tried. What providers say is masked here.
"""

import logging
from collections.abc import Mapping

from proxy.core.event import (
    AttemptEnded,
    AttemptStarted,
    BreakerMoved,
    Bug,
    CacheLooked,
    CallEnded,
    CallStarted,
    Event,
    FellBack,
    ModelLoaded,
    PassedOver,
    PolicyLoaded,
    PolicyRefused,
    Retrying,
    StreamBroke,
    UsageSeen,
)
from proxy.core.journal import Journal
from proxy.telemetry.advice import sentence
from proxy.telemetry.outcome import BAD, STAND_INS, Outcome, is_plain, outcome
from proxy.telemetry.redact import redact

LOGGER = "understudy"
FIELDS = "fields"
"""The attribute of a log record that holds its fields."""

Field = str | int | float | bool

# The call's own line says what came of them.
_UNTOLD = frozenset((CallStarted, AttemptStarted, AttemptEnded, UsageSeen, CacheLooked))

_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


class Lines:
    """Writes to the logger LOGGER, whoever listens there."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)

    def hear(self, event: Event, journal: Journal | None) -> None:
        if type(event) in _UNTOLD:
            return
        match event:
            case CallEnded():
                if not is_plain(event):
                    self._ended(event, journal)
                elif self._logger.isEnabledFor(_DEBUG):
                    self._say(_DEBUG, f"Answered by {event.target}.", _of_call(event))
            case Retrying(target, kind, wait_s):
                message = f"{target} failed ({kind}); asking it again in {wait_s:.2f} s."
                self._say(_INFO, message, _of(journal, target=target, kind=kind.value))
            case FellBack(origin, target, kind):
                message = f"{origin} failed ({kind}); {target} answered instead."
                self._say(
                    _INFO, message, _of(journal, origin=origin, target=target, kind=kind.value)
                )
            case PassedOver(target, reason, kind):
                if self._logger.isEnabledFor(_DEBUG):  # with an open breaker, one for every call
                    message = f"{target} was not asked: {redact(reason)}"
                    why = "unfit" if kind is None else kind.value
                    self._say(_DEBUG, message, _of(journal, target=target, reason=why))
            case StreamBroke(target, kind, reason):
                message = f"An answer of {target} broke after it began ({kind}): {redact(reason)}"
                self._say(_WARNING, message, _of(journal, target=target, kind=kind.value))
            case BreakerMoved():
                self._breaker(event)
            case PolicyLoaded(digest, files, warnings):
                message = f"A policy set is in force, from {', '.join(files)}."
                self._say(_INFO, message, {"digest": digest})
                for warning in warnings:
                    self._say(_WARNING, redact(warning), {"digest": digest})
            case PolicyRefused(complaints):
                message = (
                    "The changed policies are wrong; the last good ones stay in force. Fix: {}"
                )
                for complaint in complaints:
                    self._say(_ERROR, message.format(redact(complaint)), {})
            case ModelLoaded():
                self._model(event)
            case Bug(where, error):
                message = f"A bug in Understudy, at {where}: please report it with what follows."
                self._say(_ERROR, message, _of(journal), error)

    def _ended(self, event: CallEnded, journal: Journal | None) -> None:
        result = outcome(event)
        urgent = result in BAD or result is Outcome.LOST or event.source in STAND_INS
        level = _WARNING if urgent else _INFO
        if self._logger.isEnabledFor(level):
            self._say(level, sentence(event, result, journal), _of_call(event))

    def _breaker(self, event: BreakerMoved) -> None:
        why = f" ({redact(event.reason)})" if event.reason else ""
        message = {
            "open": f"{event.upstream} keeps failing{why}; it is left alone until its breaker lets"
            " a probe through. Calls go to their next targets.",
            "half_open": f"{event.upstream} is being probed{why}.",
            "closed": f"{event.upstream} is asked again like any other{why}.",
        }[event.after]
        level = _WARNING if event.after == "open" else _INFO
        fields: dict[str, Field] = {"upstream": event.upstream, "before": event.before}
        self._say(level, message, fields | {"after": event.after})

    def _model(self, event: ModelLoaded) -> None:
        fields: dict[str, Field] = {"model": event.model, "backend": event.backend}
        fields["duration_ms"] = _ms(event.duration_s)
        if event.error:
            message = (
                f"The local model {event.model} could not be loaded: {redact(event.error)}."
                " Local embeddings are off until it can be."
            )
            self._say(_WARNING, message, fields)
        else:
            self._say(_INFO, f"The local model {event.model} is ready.", fields)

    def _say(
        self,
        level: int,
        message: str,
        fields: Mapping[str, Field],
        error: BaseException | None = None,
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", message, exc_info=error, extra={FIELDS: fields})


def _ms(duration_s: float) -> float:
    return round(duration_s * 1000, 1)


def _of(journal: Journal | None, **fields: Field) -> Mapping[str, Field]:
    return fields if journal is None else {"call": journal.call_id, **fields}


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
        "duration_ms": _ms(event.duration_s),
        "first_byte_ms": _ms(event.first_byte_s),
        "bytes_sent": event.bytes_sent,
    }
    if event.kind is not None:
        fields["kind"] = event.kind.value
    if event.degraded:
        fields["degraded"] = redact(event.degraded)
    if call.trace is not None:
        fields["trace_id"] = f"{call.trace.trace_id:032x}"
    return fields
