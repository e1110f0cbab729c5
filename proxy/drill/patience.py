"""Faults that are made of waiting: how long they take under a provider's timeouts, and what they
amount to then."""

from proxy.core.failure import FailureKind
from proxy.drill.faults.drip import Drip
from proxy.drill.faults.late import Late
from proxy.drill.scenario import Amounts
from proxy.drill.server.turn import Fault
from proxy.policy.snapshot import Upstream

_SLICES, _EVENTS = 5, 8
"""Of a plain answer, and of a streamed one."""

_JUST_SO = 0.8
"""Of a timeout: it is not reached, but only just."""


def _within(total_s: float, kind: FailureKind, limit_s: float) -> Amounts:
    """What ends first: the limit of that kind, or the whole attempt's."""
    if limit_s >= total_s:
        return Amounts(frozenset((FailureKind.TIMEOUT_TOTAL,)), total_s)
    return Amounts(frozenset((kind,)), limit_s)


def _borne(total_s: float, takes_s: float) -> Amounts:
    if takes_s >= total_s:
        return Amounts(frozenset((FailureKind.TIMEOUT_TOTAL,)), total_s)
    return Amounts(frozenset(), takes_s)


def silent(upstream: Upstream) -> Amounts:
    """A plain answer may think for as long as the whole attempt may take."""
    total_s = upstream.timeout.total
    return Amounts(frozenset((FailureKind.TIMEOUT_TOTAL,)), total_s)


def no_first_word(upstream: Upstream) -> Amounts:
    timeout = upstream.timeout
    return _within(timeout.total, FailureKind.TIMEOUT_FIRST_BYTE, timeout.first_byte)


def late(upstream: Upstream) -> tuple[Fault, ...]:
    return (Late(2 * upstream.timeout.first_byte),)


def late_plain(upstream: Upstream) -> Amounts:
    return _borne(upstream.timeout.total, 2 * upstream.timeout.first_byte)


def stalled(upstream: Upstream) -> Amounts:
    timeout = upstream.timeout
    return _within(timeout.total, FailureKind.TIMEOUT_IDLE, timeout.idle)


def stalled_plain(upstream: Upstream) -> Amounts:
    """Its headers came, and so did some of its body: it is silent in the middle of its answer."""
    either = frozenset((FailureKind.TIMEOUT_IDLE, FailureKind.TIMEOUT_TOTAL))
    return Amounts(either, upstream.timeout.total)


def _every_s(upstream: Upstream) -> float:
    return _JUST_SO * min(upstream.timeout.idle, upstream.timeout.first_byte)


def drip(upstream: Upstream) -> tuple[Fault, ...]:
    return (Drip(_every_s(upstream)),)


def dripped_plain(upstream: Upstream) -> Amounts:
    return _borne(upstream.timeout.total, _every_s(upstream) * (_SLICES - 1))


def dripped(upstream: Upstream) -> Amounts:
    floor = upstream.timeout.tokens_per_second
    if floor is not None and floor * _every_s(upstream) > 1:
        return Amounts(frozenset((FailureKind.TIMEOUT_IDLE,)), upstream.timeout.idle)
    return _borne(upstream.timeout.total, _every_s(upstream) * (_EVENTS - 1))
