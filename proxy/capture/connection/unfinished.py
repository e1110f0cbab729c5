"""A request's head that has begun to come and is not whole."""

import asyncio
from collections.abc import Callable

from proxy.capture.connection.framing import too_large
from proxy.capture.limits import Limits
from proxy.capture.refused import Refused


class Unfinished:
    """Counts its bytes and its time. Only heads that come in more than one piece get here."""

    __slots__ = ("_limits", "_loop", "_timer", "_turn_away", "size_bytes")

    def __init__(
        self,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        turn_away: Callable[[Refused], None],
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._turn_away = turn_away
        self._timer: asyncio.TimerHandle | None = None
        self.size_bytes = 0

    def grew(self, piece: bytes) -> None:
        """`piece` came, and the head is still not whole. Empty lines before it are passed over
        (RFC 9112 2.2)."""
        if not self.size_bytes and not piece.strip(b"\r\n"):
            return
        self.size_bytes += len(piece)
        if self.size_bytes > self._limits.head_bytes:
            self._turn_away(too_large(self._limits))
        elif self._timer is None:
            self._timer = self._loop.call_later(self._limits.head_s, self._too_slow)

    def _too_slow(self) -> None:
        text = f"the request's head was not whole within {self._limits.head_s:g} s"
        self._turn_away(Refused(408, text, "too_slow"))

    def forget(self) -> None:
        """It is whole, or nobody waits for it."""
        self.size_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
