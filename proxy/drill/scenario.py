"""A fault as the drill plays it: what a provider does, and which failure that amounts to."""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.core.failure import FailureKind
from proxy.drill.faults.good import Good
from proxy.drill.server.presence import Absence
from proxy.drill.server.turn import Fault
from proxy.policy.snapshot import Upstream

HEALTHY = Good(think_s=0.02)
"""A provider that is well: it answers soon, but not at once."""

Kinds = frozenset[FailureKind]


@dataclass(frozen=True, slots=True)
class Amounts:
    """Which failure a fault is, one of several where providers differ, `after_s` seconds; no kind:
    it is no failure, and has to be borne for so long."""

    kinds: Kinds
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the table in `scenarios`.

    `script` is what the stricken provider does, given the settings that it is called under: with
    one request after the other, the last for all that follow; or where it cannot be found.
    `plain` and `streamed` say which failure that is. It `passes` where another attempt finds the
    provider well, and is `after_a_word` where the app has had the beginning of a stream by then.
    `read` is what only shows to somebody who reads bodies. `wait_s` is what the provider asks for.
    `others` is what everybody else does; `prefill_only`, where that is another answer, which nobody
    can go on with but who takes the beginning as given.
    """

    name: str
    meaning: str
    script: Callable[[Upstream], tuple[Fault, ...] | Absence]
    plain: Callable[[Upstream], Amounts]
    streamed: Callable[[Upstream], Amounts]
    passes: bool = False
    after_a_word: bool = False
    read: bool = False
    streams_only: bool = False
    calls: int = 1
    wait_s: float = 0.0
    others: Fault = HEALTHY
    prefill_only: bool = False

    def amounts(self, upstream: Upstream, *, stream: bool) -> Amounts:
        return self.streamed(upstream) if stream else self.plain(upstream)

    def absence(self, upstream: Upstream) -> Absence | None:
        """Why the provider cannot be reached; None where it answers as its script says."""
        script = self.script(upstream)
        return None if isinstance(script, tuple) else script


def always(*kinds: FailureKind) -> Callable[[Upstream], Amounts]:
    """The same failure at once, whatever the settings."""
    amounts = Amounts(frozenset(kinds))
    return lambda upstream: amounts
