"""A floor on the speed of a stream, for who would rather ask somebody else than watch it drip."""

from collections.abc import AsyncIterator

from proxy.core.clock import Clock
from proxy.core.failure import Failure, FailureKind
from proxy.core.reply import Body

ENVELOPE_BYTES = 512
"""What an event is long before it says anything: names, identifiers, padding."""
BYTES_PER_TOKEN = 4
_DATA = b"data:"


class Paced:
    """The bytes of a stream of events as they come, until they come too slowly: fewer than
    `floor` tokens a second for `idle_s` of waiting are a Failure(timeout.idle). Only waiting for
    the provider counts, not an app that reads slowly; it is looked at when something comes.

    Tokens are estimated, and rather too many than too few: nothing is read. An event is one at
    least, also one without words (thinking that is not shown, usage), and one more for every
    `BYTES_PER_TOKEN` beyond its `ENVELOPE_BYTES`.
    """

    __slots__ = (
        "_clock",
        "_floor",
        "_idle_s",
        "_rest",
        "_target",
        "_tokens",
        "_waited_s",
        "_words",
    )

    def __init__(self, rest: Body, clock: Clock, floor: float, idle_s: float, target: str) -> None:
        self._rest = rest
        self._words = rest.__aiter__()
        self._clock = clock
        self._floor = floor
        self._idle_s = idle_s
        self._target = target
        self._tokens = 0
        self._waited_s = 0.0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        asked_at = self._clock.now()
        chunk = await self._words.__anext__()
        self._waited_s += self._clock.now() - asked_at
        events = chunk.count(_DATA)
        beyond = max(0, len(chunk) - max(1, events) * ENVELOPE_BYTES)
        self._tokens += events + beyond // BYTES_PER_TOKEN
        if self._waited_s >= self._idle_s:
            if self._tokens < self._floor * self._waited_s:
                text = f"slower than {self._floor:g} tokens a second for {self._waited_s:.1f} s"
                raise Failure(FailureKind.TIMEOUT_IDLE, text, target=self._target)
            self._tokens, self._waited_s = 0, 0.0
        return chunk

    async def aclose(self) -> None:
        await self._rest.aclose()
