"""Asks upstreams something cheap now and then, so that no call of the app has to find out how they
are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from proxy.core.clock import Clock, Dice
from proxy.core.event import Bug, Probed
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.state import Standings

Probe = Callable[[Upstream], Awaitable[Failure | None]]
"""Asks an upstream once; why it is not well, or None. Raises nothing but a bug of ours."""

_OF_A_KEY = frozenset((FailureKind.AUTH, FailureKind.QUOTA))


class _Watch(NamedTuple):
    upstream: Upstream
    task: asyncio.Task[None]


class Prober:
    """One loop for each upstream whose `health.probe` says how often. `close` at the end.

    A probe takes a permit like any call: while the breaker is open nothing is asked, and when its
    time is up the probe is what goes first, in place of an app's call. Breaker and health hear how
    it ended, but for two ends that say nothing of how the upstream is: a rate limit, and that it
    does not like our own key. The app's calls carry the app's.
    """

    def __init__(
        self, clock: Clock, dice: Dice, standings: Standings, probe: Probe, hear: Hear
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._standings = standings
        self._probe = probe
        self._hear = hear
        self._watches: dict[str, _Watch] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def configure(self, upstreams: Iterable[Upstream]) -> None:
        """Watch these as their settings say, and no others. Loops of those that did not change go
        on undisturbed."""
        wanted = {up.name: up for up in upstreams if up.health.probe is not None}
        for name, watch in list(self._watches.items()):
            if wanted.get(name) != watch.upstream:
                self._end(name)
        for name, upstream in wanted.items():
            if name not in self._watches:
                task = asyncio.create_task(self._watch(upstream), name=f"probe {name}")
                self._watches[name] = _Watch(upstream, task)

    async def ask(self, upstream: Upstream, *, insist: bool = False) -> Failure | None:
        """Probe it now: why it is not well, or None. Failure(circuit_open) where its breaker lets
        nobody through, and then nothing is asked; who must `insist` is let through one that opened
        by itself."""
        standing = self._standings.of(upstream)
        try:
            permit = standing.breaker.permit(insist)
        except Failure as refusal:
            return refusal
        started = self._clock.now()
        try:
            failure = await self._probe(upstream)
        except BaseException:
            permit.ignored()
            raise
        took_s = self._clock.now() - started
        if failure is None:
            permit.succeeded(took_s)
            standing.health.succeeded(None)
        elif failure.traits.blame and failure.kind not in _OF_A_KEY:
            permit.failed(failure.kind, took_s, failure.retry_after_s)
            standing.health.failed(failure.kind, failure.message)
        else:
            permit.ignored()
        error = "" if failure is None else f"{failure.kind}: {failure.message}"
        self._hear(Probed(upstream.name, took_s, error), None)
        return failure

    async def close(self) -> None:
        """End all loops. Nothing is asked any more when this returns."""
        for name in list(self._watches):
            self._end(name)
        if self._ending:
            await asyncio.wait(self._ending)

    def _end(self, name: str) -> None:
        task = self._watches.pop(name).task
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _watch(self, upstream: Upstream) -> None:
        every_s = upstream.health.probe
        assert every_s is not None  # else nobody watches it
        await self._clock.sleep(self._dice.uniform(0.0, every_s))  # not everybody at once
        while True:
            try:
                await self.ask(upstream)
            except Exception as error:  # the border: a bug of ours is told, and ends no loop
                self._hear(Bug(f"the probe of {upstream.name}", error), None)
            await self._clock.sleep(every_s)
