"""The body of an answer that has begun: how long it may be silent, and how it must end."""

import asyncio
from collections.abc import AsyncIterator

from proxy.core.clock import Clock, Timer
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Body
from proxy.dialects.dialect import StreamReader
from proxy.policy.schema import Timeout

HELD_EVENT_BYTES = 64 * 2**10
"""An event longer than this goes out in pieces: memory is bounded, and it was on its way anyway."""


class PatientBody:
    """What was held back, then the rest as it comes.

    Raises Failure(timeout.idle | timeout.total) when the provider is silent or slow for too long,
    and Failure(broken_stream) when a followed stream ends without being whole. A provider's own
    error event goes out as it is, and what follows is a Failure that says the app was told.

    A followed stream goes out in whole events, so that what is cut in the middle of one can still
    be ended by an event that says so. One timer serves a whole stream: a chunk only notes the time,
    and the timer, when it rings, looks whether anything came meanwhile.
    """

    __slots__ = (
        "_clock",
        "_ends_at",
        "_heard_at",
        "_held",
        "_idle_s",
        "_late",
        "_reader",
        "_rest",
        "_rest_iterator",
        "_target",
        "_task",
        "_timer",
        "_total_s",
    )

    def __init__(
        self,
        held: bytes,
        rest: Body,
        clock: Clock,
        timeout: Timeout,
        ends_at: float,
        target: str,
        reader: StreamReader | None,
    ) -> None:
        self._held = held
        self._rest = rest
        self._rest_iterator = rest.__aiter__()
        self._clock = clock
        self._idle_s = timeout.idle
        self._total_s = timeout.total
        self._ends_at = ends_at
        self._target = target
        self._reader = reader
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._heard_at = 0.0
        self._late: FailureKind | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        reader = self._reader
        if reader is None:
            held, self._held = self._held, b""
            return held or await self._next()
        while True:
            if (ready := self._whole_events(reader)) is not None:
                return ready
            if reader.failure is not None:
                raise self._told(reader.failure)
            try:
                chunk = await self._next()
            except StopAsyncIteration:
                failure = reader.finish()
                if failure is not None:  # what is held then is half an event: nobody's gain
                    failure.target = self._target
                    raise failure from None
                if not self._held:
                    raise
                ready, self._held = self._held, b""
                return ready
            reader.feed(chunk)
            self._held += chunk

    def _whole_events(self, reader: StreamReader) -> bytes | None:
        held = self._held
        if not held:
            return None
        end = reader.boundary(held)
        if end == 0 and len(held) < HELD_EVENT_BYTES:
            return None
        end = end or len(held)
        self._held = held[end:]
        return held if end == len(held) else held[:end]

    async def _next(self) -> bytes:
        self._heard_at = self._clock.now()
        if self._timer is None:
            self._set_timer()
        self._task = asyncio.current_task()
        try:
            return await self._rest_iterator.__anext__()
        except asyncio.CancelledError:
            if self._late is None or self._task is None or self._task.uncancel() > 0:
                raise
            raise self._late_failure(self._late) from None
        finally:
            self._task = None

    def _set_timer(self) -> None:
        due_at = min(self._heard_at + self._idle_s, self._ends_at)
        self._timer = self._clock.call_later(max(0.0, due_at - self._clock.now()), self._ring)

    def _ring(self) -> None:
        """The timer is up: end the wait if it was too long, else set it for the earliest next."""
        self._timer = None
        if self._task is None:
            return  # the app is slow, not the provider; the next read sets the timer again
        now = self._clock.now()
        if now >= self._ends_at:
            self._late = FailureKind.TIMEOUT_TOTAL
        elif now >= self._heard_at + self._idle_s:
            self._late = FailureKind.TIMEOUT_IDLE
        else:
            self._set_timer()
            return
        self._task.cancel()

    def _late_failure(self, kind: FailureKind) -> Failure:
        text = (
            f"silent for {self._idle_s:g} s in the middle of its answer"
            if kind is FailureKind.TIMEOUT_IDLE
            else f"its answer was not whole within {self._total_s:g} s"
        )
        return Failure(kind, text, target=self._target)

    def _told(self, failure: Failure) -> Failure:
        failure.target = self._target
        # `malformed` is the reader's word for what is no event: the provider told the app nothing.
        failure.in_band = failure.kind is not FailureKind.MALFORMED
        return failure

    async def aclose(self) -> None:
        self._held = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._rest.aclose()
