"""What is told of the door: little of the same, the words of strangers made harmless."""

import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.core.event import AuthorityIssued, CertificateRefused, Tunnelled, TurnedAway
from proxy.telemetry.doors import QUIET_S, Doors
from proxy.telemetry.metrics import Metrics
from tests.clock import FalseClock

DENIED = TurnedAway("http_proxy", 403, "passthrough_denied", "stranger.test is of no upstream")
KEY = "sk-proj-CANARYcanary0123456789CANARY"


def _doors() -> Doors:
    return Doors(FalseClock().now)


def test_who_is_turned_away_is_told_of_with_what_it_was_told() -> None:
    line = _doors().line_of(DENIED)
    assert line.level == logging.WARNING
    assert line.message == ("Turned away (403 passthrough_denied): stranger.test is of no upstream")
    assert line.fields == {"face": "http_proxy", "status": 403, "reason": "passthrough_denied"}


@pytest.mark.parametrize(
    ("status", "reason", "level"),
    [
        (400, "bad_request", logging.INFO),
        (403, "passthrough_denied", logging.WARNING),
        (407, "no_token", logging.INFO),
        (503, "too_many", logging.WARNING),
        (429, "too_many", logging.WARNING),
        (508, "loop", logging.WARNING),
    ],
)
def test_what_an_operator_should_look_at_is_a_warning(status: int, reason: str, level: int) -> None:
    assert _doors().line_of(TurnedAway("base_url", status, reason, "")).level == level


def test_the_same_again_is_no_news_for_a_while() -> None:
    clock = FalseClock()
    doors = Doors(clock.now)
    levels = [doors.line_of(DENIED).level for _ in range(1000)]
    assert levels == [logging.WARNING] + [logging.DEBUG] * 999
    other = TurnedAway("http_proxy", 508, "loop", "round and round")
    assert doors.line_of(other).level == logging.WARNING, "another reason is news"
    clock.pass_time(QUIET_S)
    line = doors.line_of(DENIED)
    assert line.level == logging.WARNING
    assert line.fields["untold"] == 999
    assert "999 more like it" in line.message
    clock.pass_time(QUIET_S)
    assert "untold" not in doors.line_of(DENIED).fields


def test_a_strangers_words_forge_no_line_and_keep_no_key() -> None:
    said = f"'GET /\r\n2026 error forged {KEY}' is no request target" + "x" * 9000
    events = (
        TurnedAway("base_url", 400, "bad_request", said),
        Tunnelled("stranger.test:443", "https_proxy", 1, 2, 0.5, said),
        CertificateRefused("api.test", said, tunnelled=False),
    )
    for event in events:
        message = _doors().line_of(event).message
        assert message.isprintable()
        assert KEY not in message
        assert len(message) < 1000


def test_a_tunnel_is_told_of_at_debug_and_one_that_broke_at_info() -> None:
    well = _doors().line_of(Tunnelled("stranger.test:443", "https_proxy", 10, 20, 1.5))
    assert well.level == logging.DEBUG
    assert well.fields == {
        "face": "https_proxy",
        "up_bytes": 10,
        "down_bytes": 20,
        "duration_ms": 1500.0,
    }
    broken = _doors().line_of(Tunnelled("stranger.test:443", "transparent", 1, 0, 0.1, "reset"))
    assert broken.level == logging.INFO
    assert broken.message == "The tunnel to stranger.test:443 broke off: reset"


def test_a_client_that_breaks_off_tunnels_in_a_circle_fills_no_disk() -> None:
    clock = FalseClock()
    doors = Doors(clock.now)
    broken = Tunnelled("stranger.test:443", "https_proxy", 1, 0, 0.1, "reset")
    levels = [doors.line_of(broken).level for _ in range(1000)]
    assert levels == [logging.INFO] + [logging.DEBUG] * 999
    assert doors.line_of(DENIED).level == logging.WARNING, "which is something else"
    clock.pass_time(QUIET_S)
    line = doors.line_of(broken)
    assert (line.level, line.fields["untold"]) == (logging.INFO, 999)
    assert "999 more like it" in line.message


def test_who_distrusts_us_is_told_of_with_what_to_do() -> None:
    line = _doors().line_of(CertificateRefused("api.test", "unknown_ca", tunnelled=False))
    assert line.level == logging.WARNING
    for word in ("api.test", "unknown_ca", "understudy ca", "NO_PROXY", "on_pinning: tunnel"):
        assert word in line.message
    tunnelled = _doors().line_of(CertificateRefused("api.test", "", tunnelled=True))
    assert "carried unread" in tunnelled.message
    assert "()" not in tunnelled.message


def test_a_new_certificate_of_the_ca_is_told_of_with_what_to_do() -> None:
    hosts = tuple(f"api-{number}.test" for number in range(10))
    first = _doors().line_of(AuthorityIssued("/state/ca/ca.pem", hosts, renewed=False))
    assert first.level == logging.INFO
    assert "/state/ca/ca.pem" in first.message
    assert "api-7.test and 2 more" in first.message
    assert "understudy ca" in first.message
    renewed = _doors().line_of(AuthorityIssued("/state/ca/ca.pem", hosts[:1], renewed=True))
    assert "trust the new one" in renewed.message
    failed = AuthorityIssued("/state/ca", hosts[:1], renewed=True, error="ca.key is not ours")
    line = _doors().line_of(failed)
    assert line.level == logging.WARNING
    assert "api-0.test: ca.key is not ours." in line.message


def test_the_door_is_counted_by_words_of_ours_alone() -> None:
    metrics = Metrics("1.2.3")
    for number in range(3):
        metrics.hear(
            TurnedAway("http_proxy", 403, "passthrough_denied", f"host-{number}.test is of nobody")
        )
        metrics.hear(Tunnelled(f"host-{number}.test:443", "https_proxy", 10, 20, 1.0))
    metrics.hear(Tunnelled("host.test:443", "transparent", 1, 0, 1.0, "reset"))
    metrics.hear(CertificateRefused("host.test", "unknown_ca", tunnelled=True))
    metrics.hear(AuthorityIssued("/state/ca/ca.pem", ("host.test",), renewed=False))
    text = metrics.text().decode()
    assert ".test" not in text
    counted = {
        (sample.name.removeprefix("understudy_"), *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert counted["turned_away_total", "403", "http_proxy", "passthrough_denied"] == 3
    assert counted["tunnels_total", "complete", "https_proxy"] == 3
    assert counted["tunnels_total", "broken", "transparent"] == 1
    assert counted["tunnel_bytes_total", "https_proxy", "up"] == 30
    assert counted["tunnel_bytes_total", "down", "https_proxy"] == 60
    assert counted["certificates_refused_total", "true"] == 1
    assert counted["authority_issued_total", "first"] == 1
