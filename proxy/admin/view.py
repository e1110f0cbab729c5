"""What `/status` tells: the living parts, as plain data."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.cache.store import Store
from proxy.embeddings.model import LocalModel
from proxy.engine.reload import Reloader
from proxy.engine.serve import Engine
from proxy.policy.snapshot import Upstream
from proxy.resilience.state import Standings
from proxy.telemetry.hub import Telemetry


@dataclass(frozen=True, slots=True)
class Sights:
    """What there is to look at."""

    engine: Engine
    reloader: Reloader
    standings: Standings
    store: Store
    model: LocalModel
    telemetry: Telemetry


def status(sights: Sights) -> dict[str, Any]:
    """The document of `/status`, for people and programs. Times are RFC 3339, in UTC."""
    snapshot = sights.engine.program.snapshot
    counts = sights.telemetry.counts()
    loaded = sights.reloader.loaded
    upstreams = [_upstream(sights.standings, upstream) for upstream in snapshot.upstreams.values()]
    why = [
        f"the breaker of {shown['name']} is {shown['breaker']['state']}"
        for shown in upstreams
        if shown["breaker"]["state"] != "closed"
    ]
    why += [f"a changed policy was refused: {complaint}" for complaint in loaded.complaints]
    return {
        "policies": {
            "digest": snapshot.digest,
            "loaded_at": _time(loaded.at),
            "files": list(snapshot.files),
            "last_error": "\n".join(loaded.complaints) or None,
            "warnings": list(snapshot.warnings),
        },
        "upstreams": upstreams,
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


def _upstream(standings: Standings, upstream: Upstream) -> dict[str, Any]:
    standing = standings.of(upstream)
    breaker = standing.breaker
    return {
        "name": upstream.name,
        "breaker": {
            "state": breaker.state,
            "since": _time(breaker.since),
            "opened_count": breaker.opened_count,
            "retry_after_s": round(breaker.retry_after_s, 3),
        },
        "health": asdict(standing.health.report()),
    }


def _time(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
