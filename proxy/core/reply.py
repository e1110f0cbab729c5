"""An answer on its way to the application."""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Protocol

from proxy.core.failure import Failure
from proxy.core.headers import Headers


class Source(StrEnum):
    """Who made an answer, in the words of `x-understudy-source`."""

    UPSTREAM = "upstream"
    CACHE = "cache"
    STALE = "stale"
    LOCAL = "local"
    MOCK = "mock"


class End(StrEnum):
    """How an answer ended."""

    COMPLETE = "complete"  # every byte was handed to the app
    BROKEN = "broken"  # the provider cut it, stalled, or ended it with an error
    ABANDONED = "abandoned"  # the app hung up
    LOST = "lost"  # nobody took it: it was replaced, or the proxy is stopping


STOPPING = "the proxy is stopping"
"""The word of a cancellation that comes from us: any other is the app's hang-up."""


class Body(Protocol):
    """The bytes of an answer. Raises `Failure` where it is cut; never ends early as if whole.

    An object rather than a generator: `aclose` works however far it was read, in any task.
    """

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Stop and give back what is held. Harmless when done twice."""
        ...


class Whole:
    """A body that is there already: a stream of one chunk."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content

    async def aclose(self) -> None:
        """Nothing is held."""


Tap = Callable[[bytes], None]
"""Sees each chunk just before the app gets it. Must not wait; what it raises is our bug."""

Ending = Callable[[End], None]
"""Is told once how the reply ended, in the task that carried it. Must not wait."""


def _not_known() -> bool:
    """Of an answer that does not tell its own end: it ends with its last byte."""
    return False


class Reply:
    """Status, headers and body of an answer, with those who watch it (taps) and those who are told
    of its end (endings). A layer adds a tap or an ending; it never wraps the body.

    Whoever has a Reply in hand must see to it that `close` is called, however things go.
    """

    __slots__ = (
        "_end",
        "body",
        "broke",
        "continues",
        "degraded",
        "endings",
        "headers",
        "over",
        "reason",
        "source",
        "status",
        "taps",
        "target",
    )

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: Body,
        *,
        source: Source,
        target: str,
        reason: str | None = None,
        degraded: str = "",
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
        self.source = source
        self.target = target
        self.degraded = degraded
        self.broke: Failure | None = None  # why it ended as BROKEN, or why it is an error
        self.continues = False  # it goes on where `Call.said` ends, and does not repeat it
        self.over: Callable[[], bool] = _not_known  # whether the app has got its own end already
        self.taps: list[Tap] = []
        self.endings: list[Ending] = []
        self._end: End | None = None

    @property
    def end(self) -> End | None:
        """How it ended; None while it has not."""
        return self._end

    async def close(self, end: End) -> None:
        """Tell every ending, the last added first, then give the body back. Done once.

        What an ending raises keeps no other from being told, and comes out at the end.
        """
        if self._end is not None:
            return
        self._end = end
        try:
            self._tell(end)
        finally:
            await self.body.aclose()

    def _tell(self, end: End) -> None:
        try:
            while self.endings:
                self.endings.pop()(end)
        finally:
            if self.endings:  # one raised
                self._tell(end)
