"""How an upstream has been doing."""

import pytest

from proxy.resilience.health import UNHEALTHY_AFTER, Health


def test_nobody_is_ill_before_the_first_call() -> None:
    report = Health().report()
    assert report.is_healthy
    assert report.success_rate == 1.0
    assert (report.success_count, report.failure_count, report.average_latency_ms) == (0, 0, 0.0)


def test_failures_in_a_row_make_it_unhealthy_and_one_success_heals() -> None:
    health = Health()
    health.succeeded(0.1)
    for _ in range(UNHEALTHY_AFTER):
        assert health.report().is_healthy
        health.failed()
    assert not health.report().is_healthy
    assert health.report().consecutive_failures == UNHEALTHY_AFTER
    health.succeeded(0.1)
    report = health.report()
    assert report.is_healthy
    assert report.consecutive_failures == 0
    assert (report.success_count, report.failure_count) == (2, UNHEALTHY_AFTER)
    assert report.success_rate == pytest.approx(2 / 5)


def test_the_average_latency_begins_at_the_first_and_follows_the_last() -> None:
    health = Health()
    health.succeeded(0.2)
    assert health.report().average_latency_ms == pytest.approx(200)
    health.failed()
    assert health.report().average_latency_ms == pytest.approx(200), "a failure has no latency"
    for _ in range(60):
        health.succeeded(1.0)
    assert health.report().average_latency_ms == pytest.approx(1000, rel=0.01)
