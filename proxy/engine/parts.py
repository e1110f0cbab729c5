"""What compiled programs stand on that is alive: built once by the app, outliving every reload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.cache.store import Store
from proxy.core.clock import Clock, Dice
from proxy.core.handler import Handler
from proxy.core.journal import Hear
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Upstream
from proxy.resilience.choice.load import Loads
from proxy.resilience.standing.state import Standings
from proxy.upstream.origin import Origin

MakeSend = Callable[[Upstream, Mapping[str, Origin], Dialect], Handler]
"""Makes the handler that sends calls to an upstream, knowing where all upstreams live."""

MakeLocal = Callable[[Dialect], Handler]
"""Makes the handler that answers with vectors of this process."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a tree of handlers stands on."""

    clock: Clock
    dice: Dice
    hear: Hear
    standings: Standings
    store: Store
    send: MakeSend
    local: MakeLocal
    passthrough: Handler
    loads: Loads = field(default_factory=Loads)
