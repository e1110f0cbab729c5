"""Bytes both ways between two connections, unread, until both ends have ended.

    app ---> _Side(app) ---write---> far        a slow reader holds up who writes to it
    app <--write--- _Side(far) <--- far         the end of one direction is not that of the other

Each side's end is passed on behind its last byte, and the other direction goes on (RFC 9110 9.3.6).
What was cut looks cut: a reset on one side is one on the other, and so is whatever is ended here.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proxy.core.clock import Clock, Timer

BUFFER_BYTES = 64 * 2**10
"""Of what one side has sent and the other has not taken; above it, the sender is not read from."""

IDLE_S = 3600.0
"""A tunnel in which nothing moves is ended after this: who is alive pings every minute or so, and
the routers on the way have forgotten a connection that was silent for an hour."""

HALF_CLOSED_S = 300.0
"""The same, once one side has ended: what is still to come is an answer, and none takes so long."""

RESET_AT_CLOSE = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER on, for no time at all: closing such a connection resets it."""


class Cut(StrEnum):
    """Why a tunnel ended before both sides had ended it."""

    APP = "the app's connection broke"
    FAR = "the other side's connection broke"
    IDLE = "nothing moved for too long"


class Carried(NamedTuple):
    """What went up from the app and down to it, in bytes, early ones among them. `error` is None
    where both sides ended of themselves."""

    up_bytes: int
    down_bytes: int
    error: Cut | None


Seen = Callable[[bytes], None]


@dataclass(slots=True)
class Pulse:
    """When something last moved in a tunnel, by `Clock.now`; and, once it has ended, however that
    was, what went up from the app and down to it, in bytes."""

    moved_at: float
    up_bytes: int = 0
    down_bytes: int = 0


def _nobody(chunk: bytes) -> None:
    """Looks at what goes through, where nobody wants to."""


async def join(
    app: asyncio.Transport,
    app_early: bytes,
    far: asyncio.Transport,
    far_early: bytes,
    clock: Clock,
    *,
    seen: Seen = _nobody,
    pulse: Pulse | None = None,
    half_closed_s: float = HALF_CLOSED_S,
) -> Carried:
    """Carry everything between `app` and `far`, until both have ended or one is cut.

    Both get protocols of ours; they come in paused, or as `Waiting` had them. The early bytes are
    what was read of each already: they go first. `seen` is shown what the app is about to get,
    chunk by chunk; it must not raise. `pulse` is kept for who wants to know when something last
    moved. TLS knows no half of a connection: where one of the two speaks it, one end is that of
    both, once all that came before it is written. Cancelling this cuts both at once.
    """
    tunnel = _Tunnel(app, far, clock, half_closed_s, seen, pulse or Pulse(clock.now()))
    try:
        tunnel.begin(app_early, far_early)
        return await tunnel.over
    finally:
        tunnel.stop()


class _Tunnel:
    """Two sides, and what they have in common."""

    __slots__ = ("_clock", "_error", "_half_closed_s", "_timer", "app", "far", "over", "pulse")

    def __init__(
        self,
        app: asyncio.Transport,
        far: asyncio.Transport,
        clock: Clock,
        half_closed_s: float,
        seen: Seen,
        pulse: Pulse,
    ) -> None:
        self._clock = clock
        self._half_closed_s = half_closed_s
        self._timer: Timer | None = None
        self._error: Cut | None = None
        self.pulse = pulse
        self.over: asyncio.Future[Carried] = asyncio.get_running_loop().create_future()
        self.app = _Side(self, app, Cut.APP, _nobody)
        self.far = _Side(self, far, Cut.FAR, seen)

    def begin(self, app_early: bytes, far_early: bytes) -> None:
        self._set_timer()
        self.app.meet(self.far)
        self.far.meet(self.app)
        self.app.begin(app_early)
        self.far.begin(far_early)

    def stop(self) -> None:
        """Whatever is still open is cut."""
        self.pulse.up_bytes, self.pulse.down_bytes = self.app.came, self.far.came
        self._drop_timer()
        self.app.cut()
        self.far.cut()

    def moved(self) -> None:
        self.pulse.moved_at = self._clock.now()

    def ended(self) -> None:
        """One side has ended: the rest has less time."""
        self.moved()
        self._drop_timer()
        self._set_timer()

    def broke(self, error: Cut) -> None:
        self._error = self._error or error
        self.app.cut()
        self.far.cut()

    def lost(self) -> None:
        """The connection of one side is gone."""
        if self.app.lost and self.far.lost and not self.over.done():
            self.over.set_result(Carried(self.app.came, self.far.came, self._error))

    def _limit_s(self) -> float:
        return self._half_closed_s if self.app.ended or self.far.ended else IDLE_S

    def _set_timer(self) -> None:
        due_s = self.pulse.moved_at + self._limit_s() - self._clock.now()
        self._timer = self._clock.call_later(max(0.0, due_s), self._ring)

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        """A chunk only notes the time: the timer, when it rings, looks whether any came."""
        self._timer = None
        if self._clock.now() - self.pulse.moved_at >= self._limit_s():
            self.broke(Cut.IDLE)
        else:
            self._set_timer()


class _Side(asyncio.Protocol):
    """One of the two connections: what is read from it is written to the other."""

    __slots__ = (
        "_broken",
        "_closing",
        "_held_up",
        "_other",
        "_seen",
        "_transport",
        "_tunnel",
        "came",
        "ended",
        "lost",
    )

    def __init__(
        self, tunnel: _Tunnel, transport: asyncio.Transport, broken: Cut, seen: Seen
    ) -> None:
        self._tunnel = tunnel
        self._transport = transport
        self._broken = broken
        self._seen = seen
        self._other = self  # until they meet
        self._held_up = False  # the other takes no more for now
        self._closing = False
        self.came = 0
        self.ended = False
        self.lost = False
        transport.set_protocol(self)

    def meet(self, other: "_Side") -> None:
        """Both know each other before either begins: the early bytes of one may be more than the
        other takes at once, and it says so then and there."""
        self._other = other

    def begin(self, early: bytes) -> None:
        if early:
            self.data_received(early)
        if self._closing:
            return
        if self._transport.is_closing():
            self.connection_lost(None)  # its former protocol was told
            return
        self._transport.set_write_buffer_limits(BUFFER_BYTES)
        if not self._held_up:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.came += len(data)
        self._tunnel.moved()
        self._seen(data)
        to = self._other._transport
        if not to.is_closing():
            to.write(data)

    def pause_writing(self) -> None:
        other = self._other
        other._held_up = True
        if not other.ended:
            other._transport.pause_reading()

    def resume_writing(self) -> None:
        self._tunnel.moved()
        other = self._other
        other._held_up = False
        if self._closing:
            self._transport.close()
        elif not other.ended:
            other._transport.resume_reading()

    def eof_received(self) -> bool:
        """Whether the connection stays open, to be written to."""
        other, halves = self._other, self._transport.can_write_eof()
        if not self.ended:
            self.ended = True
            self._tunnel.ended()
            if halves and not other.ended and other._transport.can_write_eof():
                if not other._transport.is_closing():
                    other._transport.write_eof()
            else:
                other.finish()
                if other.ended:
                    self.finish()
        return halves

    def connection_lost(self, error: Exception | None) -> None:
        if self.lost:
            return
        self.lost = self.ended = True
        if error is not None:
            self._tunnel.broke(self._broken)
        else:
            self._other.finish()
        self._tunnel.lost()

    def finish(self) -> None:
        """Close it when all that was written to it has gone."""
        if self._closing or self.lost:
            return
        self._closing = True
        if self._transport.can_write_eof() or not self._transport.get_write_buffer_size():
            self._transport.close()
        else:  # TLS flushes for so long only: resume_writing comes when nothing is left
            self._transport.set_write_buffer_limits(high=1, low=0)

    def cut(self) -> None:
        """Close it at once, so that it looks like no end."""
        if self.lost:
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self._transport.abort()
