"""Who may call an upstream to see whether it is back, once it was left alone for long enough."""

from proxy.core.clock import Clock


class Probes:
    """The probes of one half-open breaker. Those that are out at once are one turn; turns count
    from 1.

    Probes of an earlier turn may still tell how they ended. But a turn lasts `turn_s` at most: an
    app that stops reading the answer to a probe keeps nobody else out for longer.
    """

    __slots__ = ("_clock", "_ends_at", "_out", "turn")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_at = 0.0
        self._out = 0
        self.turn = 0

    def begin(self, turn_s: float) -> None:
        self.turn += 1
        self._ends_at = self._clock.now() + turn_s
        self._out = 0

    def free(self, most: int) -> bool:
        """Whether another may go, where `most` may at once."""
        return self._out < most or self._clock.now() >= self._ends_at

    def take(self, most: int, turn_s: float) -> int:
        """The turn of another, which is `free`."""
        if self._out >= most:
            self.begin(turn_s)
        self._out += 1
        return self.turn

    def give(self, turn: int | None) -> None:
        """A probe of `turn` ended with no news: its place is the next one's."""
        if turn == self.turn:
            self._out -= 1
