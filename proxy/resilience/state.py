"""What is remembered of each upstream for as long as the process lives."""

from collections.abc import Iterable

from proxy.core.clock import Clock
from proxy.core.journal import Hear
from proxy.policy.snapshot import Upstream
from proxy.resilience.breaker import Breaker
from proxy.resilience.health import Health


class Standing:
    """One upstream's living counters; its settings are in the policy snapshot."""

    __slots__ = ("breaker", "health")

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.health = Health()


class Standings:
    """The standing of every upstream, by name. Reloads change settings and forget nothing."""

    def __init__(self, clock: Clock, hear: Hear) -> None:
        self._clock = clock
        self._hear = hear
        self._by_name: dict[str, Standing] = {}

    def of(self, upstream: Upstream) -> Standing:
        """The standing of `upstream`, made when it is first asked for."""
        standing = self._by_name.get(upstream.name)
        if standing is None:
            breaker = Breaker(upstream.name, upstream.breaker, self._clock, self._hear)
            standing = self._by_name[upstream.name] = Standing(breaker)
        return standing

    def configure(self, upstreams: Iterable[Upstream]) -> None:
        """Put the settings of a new policy in force."""
        for upstream in upstreams:
            self.of(upstream).breaker.settings = upstream.breaker
