"""What is remembered of each upstream for as long as the process lives."""

from collections.abc import Iterable

from proxy.core.clock import Clock
from proxy.core.failure import Failure, FailureKind
from proxy.core.journal import Hear
from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.breaker import Breaker
from proxy.resilience.standing.budget import Budget
from proxy.resilience.standing.health import Health
from proxy.resilience.standing.latency import Latency
from proxy.resilience.standing.places import Places
from proxy.resilience.standing.quotas import Caller, Quotas


class Standing:
    """One upstream's living counters; its settings are in the policy snapshot.

    `learns` says whether the provider's word on its rate limits is heeded (`limit.learn`); where it
    is not, `quotas` know of nothing.
    """

    __slots__ = (
        "_name",
        "_place",
        "breaker",
        "budget",
        "health",
        "latency",
        "learns",
        "places",
        "quotas",
    )

    def __init__(self, upstream: Upstream, clock: Clock, hear: Hear) -> None:
        self._name = upstream.name
        self._place = _place(upstream)
        self.breaker = Breaker(upstream.name, upstream.breaker, clock, hear)
        self.health = Health(upstream.name, upstream.health, clock, hear)
        self.latency = Latency()
        self.budget = Budget(clock, upstream.retry.budget)
        self.places = Places(upstream.name, clock, upstream.limit)
        self.quotas = Quotas(upstream.name, clock)
        self.learns = upstream.limit.learn

    def configure(self, upstream: Upstream) -> None:
        """Put new settings in force. What was counted stays, but for rate limits that are not to be
        heeded any longer. An upstream with another address or key has nothing against it yet."""
        place, before = _place(upstream), self._place
        self._place = place
        if place != before:
            self.reset()
        self.breaker.settings = upstream.breaker
        self.health.settings = upstream.health
        self.budget.settings = upstream.retry.budget
        self.places.settings = upstream.limit
        self.learns = upstream.limit.learn
        if not self.learns:
            self.quotas.clear()

    def reset(self) -> None:
        """By hand: as if nothing had ever spoken against it. What was counted stays."""
        self.breaker.force_close()
        self.health.forgive()
        self.quotas.clear()

    def aside(self, caller: Caller, model: str | None) -> Failure | None:
        """Why who asks for `model` here had better ask others first right now, as the Failure that
        asking would be; None where nothing speaks against it.

        Its breaker lets nobody through, its rate limit is used up, or it is unhealthy. When an
        unhealthy one has rested, the first who asks here is told None and takes its trial.
        """
        refusal = self.breaker.refusal()
        if refusal is not None:
            return refusal
        quota = self.quotas.known(caller, model)
        if quota is not None and (spent_s := quota.spent_s) is not None:
            return Failure(
                FailureKind.LIMIT,
                "its rate limit is used up for now",
                target=self._name,
                retry_after_s=spent_s,
                sent=False,
                cause=FailureKind.RATE_LIMIT,
            )
        health = self.health
        if health.healthy or health.trial():
            return None
        return Failure(
            FailureKind.CIRCUIT_OPEN,
            f"it is unhealthy ({health.reason})",
            target=self._name,
            retry_after_s=health.rest_s,
            sent=False,
            cause=health.last_kind,
        )


def _place(upstream: Upstream) -> int:
    """What a refused key or a dead host is about, as a number that tells nothing of it."""
    key = upstream.api_key
    return hash((upstream.url, key and key.reveal(), *upstream.headers.items()))


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
            standing = Standing(upstream, self._clock, self._hear)
            self._by_name[upstream.name] = standing
        return standing

    def configure(self, upstreams: Iterable[Upstream]) -> None:
        """Put the settings of a new policy in force."""
        for upstream in upstreams:
            self.of(upstream).configure(upstream)
