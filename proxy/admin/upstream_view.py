"""What `/status` tells of one upstream."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.state import Standing
from proxy.telemetry.redact import redact


def upstream_view(upstream: Upstream, standing: Standing) -> dict[str, Any]:
    """How `upstream` stands, as plain data. Times are RFC 3339, in UTC."""
    breaker, places, quota = standing.breaker, standing.places, standing.quotas
    spent_s = quota.spent_s
    return {
        "name": upstream.name,
        "tier": upstream.tier.value,
        "breaker": {
            "state": breaker.state,
            "since": time_view(breaker.since),
            "opened_count": breaker.opened_count,
            "cause": None if breaker.cause is None else breaker.cause.value,
            "by_hand": breaker.held,
            "retry_after_s": None if breaker.held else round(breaker.retry_after_s, 3),
        },
        "health": asdict(standing.health.report()),
        "limit": {
            "concurrency": places.settings.concurrency,
            "in_use": places.in_use,
            "waiting": places.waiting,
        },
        "budget": {
            "ratio": standing.budget.settings.ratio,
            "min_per_second": standing.budget.settings.min_per_second,
            "spent": round(standing.budget.spent, 3),
        },
        "quota": {
            "share": round(quota.share, 3),
            "spent_s": None if spent_s is None else round(spent_s, 3),
        },
    }


def complaints_about(upstream: Upstream, standing: Standing) -> list[str]:
    """Why calls may not go where they were meant to; nothing when all is well."""
    name, breaker, health = upstream.name, standing.breaker, standing.health
    why = []
    if breaker.state != "closed":
        cause = "by hand" if breaker.held else breaker.cause
        why.append(f"the breaker of {name} is {breaker.state}" + (f" ({cause})" if cause else ""))
    if not health.healthy:
        why.append(f"{name} is unhealthy: {redact(health.reason)}")
    return why


def time_view(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
