"""W3C trace context: what an app's `traceparent` says, and the identifiers of a new trace.

https://www.w3.org/TR/trace-context/. `tracestate` is not read: it goes through as it came.
"""

import re
from dataclasses import dataclass

from proxy.core.call import Trace
from proxy.core.clock import Dice
from proxy.core.headers import Headers

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True)
class Parent:
    """The span of the application that a call belongs under."""

    trace_id: int
    span_id: int
    sampled: bool


def parse(value: str) -> Parent | None:
    """The parent that a `traceparent` names; None where the field is not valid.

    Versions to come are read as far as version 00 goes (section 4.3 of the recommendation).
    """
    found = _TRACEPARENT.fullmatch(value)
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return None
    parent = Parent(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))
    return parent if parent.trace_id and parent.span_id else None


def parent_of(headers: Headers) -> Parent | None:
    """The parent that a request names. Several `traceparent` fields count as none."""
    values = headers.getall("traceparent", [])
    return parse(values[0]) if len(values) == 1 else None


def new_trace_id(dice: Dice) -> int:
    return dice.bits(128) or 1  # zero is no identifier


def begin(parent: Parent | None, trace_id: int, dice: Dice, *, sampled: bool) -> Trace:
    """The context of a call's own span, below `parent` if there is one."""
    span_id = dice.bits(64) or 1
    return Trace(trace_id, span_id, sampled, None if parent is None else parent.span_id)
