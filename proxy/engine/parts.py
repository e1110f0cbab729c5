"""What compiled programs stand on that is alive: built once by the app, outliving every reload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.cache.store import Store
from proxy.core.clock import Clock, Dice
from proxy.core.handler import Handler
from proxy.core.journal import Hear
from proxy.dialects.dialect import Dialect
from proxy.policy.snapshot import Snapshot, Upstream
from proxy.resilience.choice.load import Loads
from proxy.resilience.standing.state import Standings
from proxy.upstream.origin import Origin

MakeSend = Callable[[Upstream, Mapping[str, Origin], Dialect], Handler]
"""Makes the handler that sends calls to an upstream, knowing where all upstreams live."""

MakeLocal = Callable[[Dialect], Handler]
"""Makes the handler that answers with vectors of this process."""


def _at_once(snapshot: Snapshot) -> None:
    """Nothing has to be made beforehand."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a tree of handlers stands on.

    `passthrough` answers for hosts of no upstream; `listed`, where there is one, for those of them
    that the policy lists, which may be private. `prepare` makes what takes a while of what a
    program is about to be compiled with: it is called in a thread.
    """

    clock: Clock
    dice: Dice
    hear: Hear
    standings: Standings
    store: Store
    send: MakeSend
    local: MakeLocal
    passthrough: Handler
    listed: Handler | None = None
    prepare: Callable[[Snapshot], None] = _at_once
    loads: Loads = field(default_factory=Loads)
