"""What `/status` tells: the living parts, as plain data."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from proxy.admin.upstream_view import complaints_about, time_view, upstream_view
from proxy.cache.store import Store
from proxy.embeddings.model import LocalModel
from proxy.engine.reload import Reloader
from proxy.engine.serve import Engine
from proxy.resilience.standing.prober import Prober
from proxy.resilience.standing.state import Standings
from proxy.telemetry.hub import Telemetry


@dataclass(frozen=True, slots=True)
class Sights:
    """What there is to look at, and to act on."""

    engine: Engine
    reloader: Reloader
    standings: Standings
    prober: Prober
    store: Store
    model: LocalModel
    telemetry: Telemetry
    distrusted: Callable[[], Iterable[str]]
    """Hosts for which a client has refused the local CA's certificate."""


def status(sights: Sights) -> dict[str, Any]:
    """The document of `/status`, for people and programs. Times are RFC 3339, in UTC."""
    snapshot = sights.engine.program.snapshot
    counts = sights.telemetry.counts()
    loaded = sights.reloader.loaded
    standings = [
        (upstream, sights.standings.of(upstream)) for upstream in snapshot.upstreams.values()
    ]
    why = [
        complaint
        for upstream, standing in standings
        for complaint in complaints_about(upstream, standing)
    ]
    why += [f"a changed policy was refused: {complaint}" for complaint in loaded.complaints]
    so = "carried unread" if snapshot.on_pinning == "tunnel" else "refused by a client"
    why += [
        f"connections for {host} are {so}: a client does not trust the local CA"
        for host in sights.distrusted()
    ]
    return {
        "policies": {
            "digest": snapshot.digest,
            "loaded_at": time_view(loaded.at),
            "files": list(snapshot.files),
            "last_error": "\n".join(loaded.complaints) or None,
            "warnings": list(snapshot.warnings),
            "mode": None if snapshot.mode is None else snapshot.mode.value,
        },
        "upstreams": [upstream_view(upstream, standing) for upstream, standing in standings],
        "overall": {
            "total_requests": counts.total_requests,
            "overall_success_rate": counts.success_rate,
            "in_flight": counts.in_flight,
        },
        "fallback": {
            "total_requests": counts.total_requests,
            "fallback_requests": counts.fallback_requests,
            "fallback_rate": counts.fallback_rate,
            "targets_used": dict(counts.targets_used),
        },
        "sources": dict(counts.sources),
        "cache": asdict(sights.store.stats()),
        "backend": sights.model.report(),
        "degraded": bool(why),
        "degraded_why": why,
    }
