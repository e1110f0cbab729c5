"""Leave to make one call, and the word on how it ended."""

from typing import Protocol

from proxy.core.failure import FailureKind

INSISTS = -1
"""The turn of a call that was let through an open breaker because nobody else is left to ask."""


class Issuer(Protocol):
    """Who gives permits and hears of their ends, of each once."""

    def succeeded(self, permit: "Permit", latency_s: float) -> None: ...

    def failed(
        self, permit: "Permit", kind: FailureKind, latency_s: float, retry_after_s: float | None
    ) -> None: ...

    def ignored(self, permit: "Permit") -> None: ...


class Permit:
    """Ends once, in one of three ways: the first word counts, and what comes later is harmless.

    `epoch` is that of the issuer's state when it was given. `turn` is None for an ordinary call,
    `INSISTS`, or a probe's. `latency_s` is how long it took until the answer began, or until it was
    clear that none would. `since` is how many successes the issuer had heard of by then.
    """

    __slots__ = ("_issuer", "epoch", "since", "turn")

    def __init__(self, issuer: Issuer, epoch: int, turn: int | None = None, since: int = 0) -> None:
        self._issuer: Issuer | None = issuer
        self.epoch = epoch
        self.turn = turn
        self.since = since

    def succeeded(self, latency_s: float) -> None:
        issuer, self._issuer = self._issuer, None
        if issuer is not None:
            issuer.succeeded(self, latency_s)

    def failed(
        self, kind: FailureKind, latency_s: float, retry_after_s: float | None = None
    ) -> None:
        """`retry_after_s` is the provider's own wish, if it has one."""
        issuer, self._issuer = self._issuer, None
        if issuer is not None:
            issuer.failed(self, kind, latency_s, retry_after_s)

    def ignored(self) -> None:
        """It says nothing of the upstream: the app hung up, or the mistake was the app's."""
        issuer, self._issuer = self._issuer, None
        if issuer is not None:
            issuer.ignored(self)
