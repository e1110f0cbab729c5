"""What faults are played against: a route, or an upstream that no route governs."""

from dataclasses import dataclass
from functools import cached_property

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.drill.app.named import tongue_of
from proxy.drill.app.tongue import Asking, Tongue
from proxy.policy.snapshot import Route, Snapshot, Upstream


@dataclass(frozen=True, slots=True)
class Seat:
    """One target of a subject. `attempts`: how often the policy lets it be asked for one call.
    `able` says whether it can do the call that is played at all; `local` has no upstream."""

    name: str
    upstream: Upstream | None
    on: frozenset[FailureKind]
    attempts: int
    able: bool


@dataclass(frozen=True)
class Subject:
    """`called` is the upstream that the app calls, and what it asks for leads to `route` under this
    policy; a `route` of None is that upstream alone. `alike` are upstreams with the same settings,
    for which this one stands."""

    snapshot: Snapshot
    route: Route | None
    called: str
    operation: Operation
    model: str
    headers: tuple[tuple[str, str], ...] = ()
    alike: tuple[str, ...] = ()
    has_local: bool = True

    @property
    def name(self) -> str:
        """As the scorecard has it: the route's name, or the upstream's with a slash behind."""
        return self.route.name if self.route is not None else f"{self.called}/"

    @property
    def upstream(self) -> Upstream:
        return self.snapshot.upstreams[self.called]

    @property
    def tongue(self) -> Tongue:
        return tongue_of(self.upstream.dialect)

    @property
    def read(self) -> bool:
        """Whether the program reads what goes to and fro."""
        return self.operation is not Operation.OTHER

    def asking(self, *, stream: bool) -> Asking:
        asking = self.tongue.ask(self.operation, self.model, stream)
        fields = (*asking.fields, *self.headers)
        return Asking(asking.method, asking.path, fields, asking.body)

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        """The targets, in the order of the policy."""
        if self.route is None:
            own = self.upstream
            return (Seat(own.name, own, frozenset(), own.retry.attempts, able=True),)
        seats = []
        for target in self.route.targets:
            if target.upstream is None:
                able = self.has_local and self.operation is Operation.EMBEDDINGS
                seats.append(Seat(target.name, None, target.on, 0, able))
                continue
            upstream = self.snapshot.upstreams[target.upstream]
            attempts = upstream.retry.attempts
            if target.max_retries is not None:
                attempts = target.max_retries + 1
            able = upstream.dialect == self.upstream.dialect
            seats.append(Seat(target.name, upstream, target.on, attempts, able))
        return tuple(seats)

    @property
    def providers(self) -> tuple[Seat, ...]:
        """The targets that are upstreams and can do the call: any of them can be stricken."""
        return tuple(seat for seat in self.seats if seat.able and seat.upstream is not None)
