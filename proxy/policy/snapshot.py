"""A policy set in force: frozen, whole, every default filled in, every pattern compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.policy.glob import Globs
from proxy.policy.mode import Mode, Tier
from proxy.policy.passage import Passthrough
from proxy.policy.schema import (
    LOCAL,
    Backend,
    Breaker,
    Cache,
    Dialect,
    Health,
    LastResort,
    Limit,
    MidStream,
    OnPinning,
    Retry,
    Strategy,
    Timeout,
    WhenAllOpen,
)
from proxy.policy.secret import Secret
from proxy.policy.tls import Tls

_PLAIN_PORT = 80


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider under its settings, those of `defaults` included.

    `api_key` is None where none was written (none is needed) and where the written one is not set;
    `missing_key` then names the variables that lack, and no fallback may land here.
    """

    name: str
    dialect: Dialect
    url: str
    hosts: tuple[str, ...]
    api_key: Secret | None
    missing_key: str
    headers: Mapping[str, str] = field(repr=False)
    models: Mapping[str, str]
    timeout: Timeout
    retry: Retry
    breaker: Breaker
    limit: Limit
    health: Health
    tier: Tier
    prefill: bool
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a route governs. None and empty mean any. Header names are lower-case."""

    upstream: frozenset[str] | None = None
    operation: tuple[Operation, ...] | None = None
    model: Globs | None = None
    headers: tuple[tuple[str, Globs], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Who may answer. `upstream` is None when `local`. `on`: failures before it that lead here."""

    upstream: str | None
    local: bool
    model: str | None
    set: Mapping[str, JsonValue]
    on: frozenset[FailureKind]
    max_retries: int | None = None
    weight: float = 1.0

    @property
    def name(self) -> str:
        return self.upstream or LOCAL


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers a kind of request. `targets` are those that the mode allows, in its order; where
    it allows none, nobody answers."""

    name: str
    match: Match
    strategy: Strategy
    targets: tuple[Target, ...]
    cache: Cache | None
    last_resort: LastResort
    deadline: float | None = None
    hedge_after: float | None = None
    extra_calls: int | None = None
    when_all_open: WhenAllOpen = "fail"
    mid_stream: MidStream = "error"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the files of a policy set say.

    `digest` is the same for the same effective content, and only for that. `hosts` leads from a
    lower-case host, or host:port, to the name of an upstream. `passthrough` is None where it goes
    by the listener. `replay_limit` is in bytes.
    """

    digest: str
    files: tuple[str, ...]
    upstreams: Mapping[str, Upstream]
    routes: tuple[Route, ...]
    hosts: Mapping[str, str]
    mode: Mode | None
    passthrough: Passthrough | None
    connect_ports: frozenset[int]
    on_pinning: OnPinning
    replay_limit: int
    backend: Backend
    warnings: tuple[str, ...]

    def upstream_for_host(self, host: str, port: int) -> Upstream | None:
        """The upstream that the app means by `host` and `port`; None for a stranger's host."""
        host = _written(host)
        name = self.hosts.get(f"{host}:{port}") or self.hosts.get(host)
        return self.upstreams[name] if name is not None else None

    def intercepts(self, host: str, port: int) -> bool:
        """Whether a tunnel to there has requests in it that are for an upstream. Its port is one
        that tunnels lead to, or was written with the host; or it is that of plain HTTP, for which
        some clients ask for tunnels too."""
        if self.upstream_for_host(host, port) is None:
            return False
        usual = port == _PLAIN_PORT or port in self.connect_ports
        return usual or f"{_written(host)}:{port}" in self.hosts


def _written(host: str) -> str:
    """As `hosts` has it: lower-case, an IPv6 address in brackets."""
    host = host.lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
