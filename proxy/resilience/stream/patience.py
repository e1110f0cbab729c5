"""The body of an answer that has begun: how long it may be silent, and how it must end."""

import asyncio
from collections.abc import AsyncIterator
from math import inf

from multidict import CIMultiDict, CIMultiDictProxy

from proxy.core.clock import Clock, Timer, keep_word, word_of
from proxy.core.failure import Failure, FailureKind, Refusal
from proxy.core.reply import Body
from proxy.dialects.dialect import StreamReader
from proxy.policy.schema import Timeout
from proxy.resilience.deadline import time_is_up
from proxy.resilience.stream.pace import Paced

HELD_EVENT_BYTES = 64 * 2**10
"""An event longer than this goes out in pieces: memory is bounded, and it was on its way anyway."""

ROUNDED_S = 0.001
"""Event loops round: by so much a timer may ring early."""

_STATUS = 200
_EVENTS = CIMultiDictProxy(CIMultiDict({"Content-Type": "text/event-stream"}))
"""What is said of an error event as of an answer: it is part of a good one."""

AFTER_END_S = 1.0
"""How long a connection is waited for to end after the stream's own end, so that it can be used
again."""


class PatientBody:
    """What was held back, then the rest as it comes. `left_s` is what remains of `timeout.total`;
    only waiting for the provider uses it up, not an app that reads slowly. Who `thinks` may be
    silent for all of it before the first byte: a plain answer whose headers came early.

    Raises Failure(timeout.idle | timeout.total) when the provider is silent or slow for too long,
    blameless where it was the whole call that had to be over by `end_by`, and
    Failure(broken_stream) when a followed stream ends without being whole; one that has told why it
    stopped is whole, however its bytes end. A provider's own error event becomes the Failure that
    it is, with the event as its refusal: who has nothing better passes that on. Where events cannot
    be told apart (a compressed stream), it has gone out already, as the Failure says.

    A followed stream goes out in whole events, so that what is cut in the middle of one can still
    be ended by an event that says so. One timer serves a whole stream: a chunk only notes the time,
    and the timer, when it rings, looks whether anything came meanwhile.
    """

    __slots__ = (
        "_clock",
        "_end_by",
        "_failure",
        "_heard_at",
        "_held",
        "_idle_s",
        "_inside",
        "_late",
        "_left_s",
        "_over",
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
        end_by: float = inf,
    ) -> None:
        if timeout.tokens_per_second is not None and reader is not None:
            rest = Paced(rest, clock, timeout.tokens_per_second, timeout.idle, target)
        self._held = held
        self._rest = rest
        self._rest_iterator = rest.__aiter__()
        self._clock = clock
        self._idle_s = timeout.idle
        self._total_s = timeout.total
        self._left_s = left_s
        self._end_by = end_by
        self._target = target
        self._reader = reader
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._thinks = thinks
        self._silence_s = timeout.total
        self._heard_at = 0.0
        self._late: Failure | None = None
        self._over = False
        self._inside = False  # of an event that goes out in pieces
        self._failure: Failure | None = None  # what is held is the last before it

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def over(self) -> bool:
        """Whether a followed stream's own end was handed on: who wants no more then has it all."""
        return self._over

    async def __anext__(self) -> bytes:
        reader = self._reader
        if reader is None:
            held, self._held = self._held, b""
            return held or await self._next()
        held = self._held
        while True:
            if held:
                end = reader.boundary(held)
                if end or len(held) >= HELD_EVENT_BYTES:
                    inside, self._inside = self._inside, end == 0
                    end = end or len(held)
                    self._held = held[end:]
                    ready = held if end == len(held) else held[:end]
                    return ready if inside or self._inside else reader.legible(ready)
            if self._failure is not None:
                raise self._failure
            try:
                chunk = await self._next()
            except StopAsyncIteration:
                failure = reader.finish()
                if failure is not None:  # what is held then is half an event: nobody's gain
                    failure.target = self._target
                    raise failure from None
                if not held:
                    raise
                self._held = b""
                return held
            except Failure:
                if reader.finished:  # the app has it all; how the provider hangs up is its affair
                    raise StopAsyncIteration from None
                raise
            reader.feed(chunk)
            held += chunk
            if reader.failure is not None:
                held = self._before(reader.failure, held, reader)
            self._held = held

    def _before(self, failure: Failure, held: bytes, reader: StreamReader) -> bytes:
        """What of `held` may go out before `failure` is raised."""
        self._failure = failure
        failure.target = self._target
        sound = reader.sound(held)
        if sound < len(held):
            event = held[sound:]
            failure.refusal = Refusal(_STATUS, _EVENTS, event[: reader.boundary(event)])
        else:  # `malformed` is the reader's word for what is no event: the provider told nothing
            failure.in_band = failure.kind is not FailureKind.MALFORMED
        return held[:sound]

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
        except asyncio.CancelledError as cancelled:
            if self._late is None:
                raise
            if task.uncancel() > before:
                keep_word(task, cancelled)
                raise
            raise self._late from None
        finally:
            self._task = None
            self._left_s -= self._clock.now() - asked_at

    def _most_silence_s(self) -> float:
        """How long the next wait may be. It only ever gets shorter."""
        if self._reader is not None and self._reader.done:
            self._over = True
            return min(self._idle_s, AFTER_END_S)
        return self._total_s if self._thinks else self._idle_s

    def _set_timer(self) -> None:
        due_at = min(self._heard_at + min(self._silence_s, self._left_s), self._end_by)
        self._timer = self._clock.call_later(max(0.0, due_at - self._clock.now()), self._ring)

    def _ring(self) -> None:
        """The timer is up: end the wait if it was too long, else set it for the earliest next."""
        self._timer = None
        if self._task is None:
            return  # the app is slow, not the provider; the next read sets the timer again
        now = self._clock.now() + ROUNDED_S
        waited_s = now - self._heard_at
        if now >= self._end_by:
            self._late = time_is_up("its answer was whole", self._target, sent=True)
        elif waited_s >= self._left_s:
            text = f"its answer was not whole within {self._total_s:g} s"
            self._late = Failure(FailureKind.TIMEOUT_TOTAL, text, target=self._target)
        elif waited_s >= self._silence_s:
            text = f"silent for {self._idle_s:g} s in the middle of its answer"
            self._late = Failure(FailureKind.TIMEOUT_IDLE, text, target=self._target)
        else:
            self._set_timer()
            return
        self._task.cancel(word_of(self._task))

    async def aclose(self) -> None:
        self._held = b""
        self._drop_timer()
        await self._rest.aclose()

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
