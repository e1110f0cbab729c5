"""The lines about what was tried for a call, as it was tried: its own line comes when it has ended.

Ordinary things, of which a busy proxy has one for every call, are told at debug.
"""

import logging

from proxy.core.event import (
    AttemptCancelled,
    CallEvent,
    FellBack,
    Hedged,
    NoRetry,
    PassedOver,
    Resumed,
    Retrying,
    RetryRefused,
    StreamBroke,
)
from proxy.telemetry.line import Field, Line
from proxy.telemetry.redact import redact

AT_DEBUG = frozenset((AttemptCancelled, Hedged, PassedOver))
"""Events that are told at debug or not at all."""

_WHY_NOT = {
    NoRetry.BUDGET: "retries have had their share of its calls (retry.budget)",
    NoRetry.KIND: "that would not help",
    NoRetry.ATTEMPTS: "its policy allows no more attempts",
    NoRetry.TIME: "another attempt would come too late",
}
_DEBUG, _INFO, _WARNING = logging.DEBUG, logging.INFO, logging.WARNING


def line_of(event: CallEvent) -> Line | None:
    """None of what the call's own line tells."""
    match event:
        case AttemptCancelled(target, _, duration_s):
            message = f"{target} was called off after {duration_s:.2f} s: nobody wants its answer."
            return Line(_DEBUG, message, {"target": target})
        case PassedOver(target, reason, kind):
            why = "unfit" if kind is None else kind.value
            fields: dict[str, Field] = {"target": target, "reason": why}
            return Line(_DEBUG, f"{target} was not asked: {redact(reason)}", fields)
        case Retrying(target, kind, wait_s):
            message = f"{target} failed ({kind}); asking it again in {wait_s:.2f} s."
            return Line(_INFO, message, {"target": target, "kind": kind.value})
        case RetryRefused(target, kind, reason):
            message = f"{target} failed ({kind}) and is not asked again: {_WHY_NOT[reason]}."
            level = _DEBUG if reason in (NoRetry.ATTEMPTS, NoRetry.KIND) else _INFO
            fields = {"target": target, "kind": kind.value, "reason": reason.value}
            return Line(level, message, fields)
        case Hedged(origin, target, waited_s):
            message = (
                f"{origin} has not begun to answer after {waited_s:.2f} s; {target} is asked too."
            )
            return Line(_DEBUG, message, {"origin": origin, "target": target})
        case FellBack(origin, target, kind):
            message = f"{origin} failed ({kind}); {target} answered instead."
            fields = {"origin": origin, "target": target, "kind": kind.value}
            return Line(_INFO, message, fields)
        case StreamBroke(target, kind, words):
            message = f"An answer of {target} broke after it began ({kind}): {redact(words)}"
            return Line(_WARNING, message, {"target": target, "kind": kind.value})
        case Resumed(origin, target, kind):
            message = f"{target} went on with the answer of {origin} that broke ({kind})."
            fields = {"origin": origin, "target": target, "kind": kind.value}
            return Line(_WARNING, message, fields)
        case _:
            return None
