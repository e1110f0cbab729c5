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


AFTER_END_S = 1.0
"""How long a connection is waited for to end after the stream's own end, so that it can be used
again."""


class PatientBody:
    """What was held back, then the rest as it comes. `left_s` is what remains of `timeout.total`;
    only waiting for the provider uses it up, not an app that reads slowly. Who `thinks` may be
    silent for all of it before the first byte: a plain answer whose headers came early.

    Raises Failure(timeout.idle | timeout.total) when the provider is silent or slow for too long,
    and Failure(broken_stream) when a followed stream ends without being whole. A provider's own
    error event goes out as it is, and what follows is a Failure that says the app was told.

    A followed stream goes out in whole events, so that what is cut in the middle of one can still
    be ended by an event that says so. One timer serves a whole stream: a chunk only notes the time,
    and the timer, when it rings, looks whether anything came meanwhile.
    """

    __slots__ = (
        "_clock",
        "_heard_at",
        "_held",
        "_idle_s",
        "_late",
        "_left_s",
        "_reader",
        "_rest",
        "_rest_iterator",
        "_silence_s",
        "_target",
        "_task",
        "_thinks",
        "_timer",
        "_total_s",
    )

    def __init__(
        self,
        held: bytes,
        rest: Body,
        clock: Clock,
        timeout: Timeout,
        left_s: float,
        target: str,
        reader: StreamReader | None,
        *,
        thinks: bool = False,
    ) -> None:
        self._held = held
        self._rest = rest
        self._rest_iterator = rest.__aiter__()
        self._clock = clock
        self._idle_s = timeout.idle
        self._total_s = timeout.total
        self._left_s = left_s
        self._target = target
        self._reader = reader
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._thinks = thinks
        self._silence_s = timeout.total
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
            except Failure:
                if reader.done:  # the app has it all; how the provider hangs up is its own affair
                    raise StopAsyncIteration from None
                raise
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
        asked_at = self._heard_at = self._clock.now()
        silence_s = self._most_silence_s()
        if silence_s < self._silence_s:
            self._silence_s = silence_s
            self._drop_timer()  # it was set for later
        if self._timer is None:
            self._set_timer()
        task = self._task = asyncio.current_task()
        assert task is not None  # a body is read in a task
        before = task.cancelling()
        try:
            chunk = await self._rest_iterator.__anext__()
            self._thinks = False
            return chunk
        except asyncio.CancelledError:
            if self._late is None or task.uncancel() > before:
                raise
            raise self._late_failure(self._late) from None
        finally:
            self._task = None
            self._left_s -= self._clock.now() - asked_at

    def _most_silence_s(self) -> float:
        """How long the next wait may be. It only ever gets shorter."""
        if self._reader is not None and self._reader.done:
            return min(self._idle_s, AFTER_END_S)
        return self._total_s if self._thinks else self._idle_s

    def _set_timer(self) -> None:
        due_at = self._heard_at + min(self._silence_s, self._left_s)
        self._timer = self._clock.call_later(max(0.0, due_at - self._clock.now()), self._ring)

    def _ring(self) -> None:
        """The timer is up: end the wait if it was too long, else set it for the earliest next."""
        self._timer = None
        if self._task is None:
            return  # the app is slow, not the provider; the next read sets the timer again
        waited_s = self._clock.now() - self._heard_at
        if waited_s >= self._left_s:
            self._late = FailureKind.TIMEOUT_TOTAL
        elif waited_s >= self._silence_s:
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
        self._drop_timer()
        await self._rest.aclose()

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
