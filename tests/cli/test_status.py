"""How a running proxy's `/status` reads for a person."""

from typing import Any

from proxy.cli.status import _words


def _upstream(name: str, **but: Any) -> dict[str, Any]:
    health = {
        "success_count": 12,
        "failure_count": 1,
        "success_rate": 0.92,
        "average_latency_ms": 230.4,
        "consecutive_failures": 0,
        "is_healthy": True,
    }
    breaker = {
        "state": "closed",
        "since": "2026-01-01T00:00:00.000+00:00",
        "opened_count": 0,
        "cause": None,
        "by_hand": False,
        "retry_after_s": 0.0,
    }
    return {
        "name": name,
        "tier": but.get("tier", "cloud"),
        "breaker": breaker | but.get("breaker", {}),
        "health": health | but.get("health", {}),
        "limit": {"concurrency": None, "in_use": 0, "waiting": 0} | but.get("limit", {}),
        "budget": {"ratio": 0.2, "min_per_second": 10.0, "spent": but.get("spent", 0.0)},
        "quota": {"share": 1.0, "spent_s": None} | but.get("quota", {}),
    }


def _told(*upstreams: dict[str, Any], mode: str | None = None, why: tuple[str, ...] = ()) -> Any:
    return {
        "policies": {"digest": "abc", "loaded_at": "2026-01-01T00:00:00.000+00:00", "mode": mode},
        "overall": {"total_requests": 20, "overall_success_rate": 0.95},
        "fallback": {"fallback_rate": 0.1},
        "sources": {"upstream": 18, "cache": 2},
        "upstreams": list(upstreams),
        "degraded_why": list(why),
    }


def test_when_all_is_well() -> None:
    assert _words(_told(_upstream("openai"))).splitlines() == [
        "policies  abc since 2026-01-01T00:00:00.000+00:00",
        "requests  20, 95.0% answered, 10.0% by a fallback",
        "sources   upstream 18, cache 2",
        "upstream  tier   health   breaker  calls",
        "openai    cloud  healthy  closed   12 ok, 1 failed, 230 ms",
        "all is well",
    ]


def test_tier_health_and_breaker_are_columns() -> None:
    ill = _upstream(
        "a-long-name",
        tier="server",
        health={"is_healthy": False, "consecutive_failures": 4},
        breaker={"state": "open", "retry_after_s": 12.4, "cause": "rate_limit"},
    )
    held = _upstream(
        "held", breaker={"state": "open", "retry_after_s": None, "by_hand": True, "cause": None}
    )
    told = _told(ill, held, mode="server_first", why=("the breaker of a-long-name is open",))
    lines = _words(told).splitlines()
    assert lines[0].endswith(", mode server_first")
    assert lines[4:] == [
        "a-long-name  server  unhealthy (4)  open for 12 s (rate_limit)  12 ok, 1 failed, 230 ms",
        "held         cloud   healthy        open by hand                12 ok, 1 failed, 230 ms",
        "degraded  the breaker of a-long-name is open",
    ]
    assert lines[3].split() == ["upstream", "tier", "health", "breaker", "calls"]


def test_what_calls_are_short_of() -> None:
    busy = _upstream(
        "busy",
        limit={"concurrency": 8, "in_use": 8, "waiting": 3},
        quota={"share": 0.05},
        spent=1.0,
    )
    spent = _upstream("spent", quota={"share": 0.0, "spent_s": 9.6})
    lines = _words(_told(busy, spent)).splitlines()
    assert lines[4].endswith(
        "230 ms, 8 of 8 at once, 3 waiting, 5% of its rate limit left, retry budget spent"
    )
    assert lines[5].endswith("230 ms, rate limit used up for 10 s")
