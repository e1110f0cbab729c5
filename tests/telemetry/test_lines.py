import logging

import pytest

from proxy.core.event import (
    BY_HAND,
    BreakerMoved,
    Bug,
    FellBack,
    HealthMoved,
    ModelLoaded,
    NoRetry,
    PolicyLoaded,
    PolicyRefused,
    Probed,
    RetryRefused,
    StreamBroke,
)
from proxy.core.failure import FailureKind
from proxy.core.reply import End, Source
from proxy.telemetry.advice import ADVICE
from proxy.telemetry.line import FIELDS, LOGGER
from proxy.telemetry.lines import Lines
from tests.clock import FalseClock
from tests.telemetry.calls import Telling, broken, plain, raced, resumed, saved

Caplog = pytest.LogCaptureFixture


def _said(caplog: Caplog) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_plain_call_is_a_line_at_debug_only(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    plain(Lines(FalseClock().now).hear)
    assert _said(caplog) == []
    caplog.set_level("DEBUG", LOGGER)
    plain(Lines(FalseClock().now).hear)
    assert _said(caplog) == [("DEBUG", "Answered by openai.")]


def test_a_saved_call_is_told_of_as_it_happens_and_at_its_end(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    saved(Lines(FalseClock().now).hear, "slow down, sk-abcdefgh12345")
    assert _said(caplog) == [
        ("INFO", "openai failed (rate_limit); asking it again in 2.00 s."),
        ("INFO", "openai failed (rate_limit); openrouter answered instead."),
        ("INFO", "openai failed (rate_limit 429: slow down, [redacted]); openrouter answered."),
    ]
    fields = caplog.records[-1].__dict__[FIELDS]
    assert fields["call"] == "call-1"
    assert (fields["target"], fields["source"], fields["attempts"]) == ("openrouter", "upstream", 3)
    assert fields["duration_ms"] == 4000.0
    assert caplog.records[0].__dict__[FIELDS]["call"] == "call-1"


@pytest.mark.parametrize(
    ("ended", "level", "words"),
    [
        (
            {"status": 429, "kind": FailureKind.RATE_LIMIT},
            "WARNING",
            "No answer: openai failed (rate_limit 429: slow). The app got 429. Raise the limits",
        ),
        (
            {"status": 400, "kind": FailureKind.BAD_REQUEST},
            "INFO",
            "The app has to correct its request.",
        ),
        (
            {"source": Source.MOCK, "target": "mock", "fallback": True, "degraded": "mock"},
            "WARNING",
            "the app got a mock answer, marked as one.",
        ),
        ({"source": Source.STALE, "target": "cache"}, "WARNING", "a stored answer past its time."),
        ({"source": Source.LOCAL, "fallback": True}, "INFO", "the app got vectors made here."),
        ({"end": End.ABANDONED}, "INFO", "The app hung up on the answer of openai"),
        ({"end": End.LOST}, "WARNING", "the proxy stopped"),
    ],
)
def test_a_call_that_went_otherwise(
    caplog: Caplog, ended: dict[str, object], level: str, words: str
) -> None:
    caplog.set_level("INFO", LOGGER)
    told = Telling(Lines(FalseClock().now).hear)
    told.fails("openai", FailureKind.RATE_LIMIT, 429, "slow")
    told.ends(**ended)  # type: ignore[arg-type]
    ((said_level, message),) = _said(caplog)
    assert said_level == level
    assert words in message


def test_a_stream_that_breaks_is_told_of_at_once(caplog: Caplog) -> None:
    caplog.set_level("WARNING", LOGGER)
    broken(Lines(FalseClock().now).hear, "reset\nforged")
    breaks, end = _said(caplog)
    assert breaks == (
        "WARNING",
        "An answer of openai broke after it began (broken_stream): reset\\x0aforged",
    )
    assert end[0] == "WARNING"


def test_what_no_call_told_of(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    lines = Lines(FalseClock().now)
    lines.hear(BreakerMoved("openai", "closed", "open", "5 failures in a row"), None)
    lines.hear(BreakerMoved("openai", "open", "half_open"), None)
    lines.hear(BreakerMoved("openai", "half_open", "closed"), None)
    lines.hear(PolicyLoaded("abc", ("a.yaml", "b.toml"), ("a.yaml:3:1: no key",)), None)
    lines.hear(PolicyRefused(("a.yaml:1:2: unknown key {x}",)), None)
    lines.hear(ModelLoaded("mini", "numpy", 0.25), None)
    lines.hear(ModelLoaded("mini", "numpy", 0.25, "no such file"), None)
    assert [level for level, _ in _said(caplog)] == [
        *("WARNING", "INFO", "INFO"),
        *("INFO", "WARNING", "ERROR"),
        *("INFO", "WARNING"),
    ]
    messages = [message for _, message in _said(caplog)]
    assert "5 failures in a row" in messages[0]
    assert "a.yaml, b.toml" in messages[3]
    assert messages[5].endswith("Fix: a.yaml:1:2: unknown key {x}")


def test_a_slow_target_and_who_was_faster(caplog: Caplog) -> None:
    caplog.set_level("DEBUG", LOGGER)
    raced(Lines(FalseClock().now).hear)
    assert _said(caplog) == [
        ("DEBUG", "openai has not begun to answer after 2.00 s; azure is asked too."),
        ("DEBUG", "openai was called off after 2.50 s: nobody wants its answer."),
        ("INFO", "openai had not begun to answer after 2.00 s; azure answered."),
    ]


def test_who_wins_a_race_from_the_start_is_no_news(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    raced(Lines(FalseClock().now).hear, waited_s=0.0)
    assert _said(caplog) == []


def test_who_was_picked_is_no_news(caplog: Caplog) -> None:
    """Of targets that share the load, and where the policy prefers another tier."""
    caplog.set_level("INFO", LOGGER)
    told = Telling(Lines(FalseClock().now).hear)
    told.answers("azure")
    told.ends("azure", fallback=True)
    assert _said(caplog) == []


def test_a_resumed_stream(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    resumed(Lines(FalseClock().now).hear)
    assert _said(caplog) == [
        ("WARNING", "azure went on with the answer of openai that broke (broken_stream)."),
        ("INFO", "openai broke off (broken_stream); azure went on with its answer."),
    ]


def test_a_held_stream_that_broke_before_another_answered(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    told = Telling(Lines(FalseClock().now).hear, stream=True)
    told.answers("openai")
    told.tell(StreamBroke("openai", FailureKind.BROKEN_STREAM, "reset"))
    told.answers("azure")
    told.tell(FellBack("openai", "azure", FailureKind.BROKEN_STREAM))
    told.ends("azure", fallback=True)
    assert _said(caplog)[-1] == ("INFO", "openai broke off (broken_stream: reset); azure answered.")


def test_a_retry_that_was_not_made(caplog: Caplog) -> None:
    caplog.set_level("DEBUG", LOGGER)
    told = Telling(Lines(FalseClock().now).hear)
    for reason in NoRetry:
        told.tell(RetryRefused("openai", FailureKind.UNAVAILABLE, reason))
    said = _said(caplog)
    assert [level for level, _ in said] == ["INFO", "DEBUG", "DEBUG", "INFO"]
    assert all("openai failed (unavailable) and is not asked again" in line for _, line in said)
    assert len({line for _, line in said}) == len(NoRetry)
    assert caplog.records[0].__dict__[FIELDS] == {
        "call": "call-1",
        "target": "openai",
        "kind": "unavailable",
        "reason": "budget",
    }


def test_the_apps_own_retry_is_a_field(caplog: Caplog) -> None:
    caplog.set_level("DEBUG", LOGGER)
    plain(Lines(FalseClock().now).hear)
    plain(Lines(FalseClock().now).hear, headers={"x-stainless-retry-count": "0"})
    plain(Lines(FalseClock().now).hear, headers={"x-stainless-retry-count": "1"})
    fields = [record.__dict__[FIELDS] for record in caplog.records]
    assert [field.get("app_retry") for field in fields] == [None, None, 1]


def test_of_probes_only_the_change_is_news(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    lines = Lines(FalseClock().now)
    for error in ("", "", "no connection", "no connection", "", ""):
        lines.hear(Probed("openai", 0.02, error), None)
        lines.hear(Probed("azure", 0.02), None)
    assert _said(caplog) == [
        ("WARNING", "A probe of openai failed: no connection"),
        ("INFO", "A probe of openai succeeded again."),
    ]
    caplog.set_level("DEBUG", LOGGER)
    lines.hear(Probed("openai", 0.02), None)
    assert _said(caplog)[2:] == [("DEBUG", "A probe of openai succeeded.")]


def test_how_an_upstream_stands(caplog: Caplog) -> None:
    caplog.set_level("INFO", LOGGER)
    lines = Lines(FalseClock().now)
    lines.hear(HealthMoved("openai", False, "3 failures in a row, the last rate_limit"), None)
    lines.hear(HealthMoved("openai", True), None)
    lines.hear(BreakerMoved("openai", "closed", "open", BY_HAND), None)
    lines.hear(BreakerMoved("openai", "open", "closed", BY_HAND), None)
    assert [level for level, _ in _said(caplog)] == ["WARNING", "INFO", "WARNING", "INFO"]
    messages = [message for _, message in _said(caplog)]
    assert "openai is unhealthy (3 failures in a row, the last rate_limit)" in messages[0]
    assert messages[1] == "openai is healthy again."
    assert "openai was taken out by hand" in messages[2]
    assert "openai was put back by hand" in messages[3]


def test_a_bug_is_told_with_its_traceback(caplog: Caplog) -> None:
    told = Telling(Lines(FalseClock().now).hear)
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError as error:
        told.tell(Bug("route chat", error))
    assert _said(caplog)[0][0] == "ERROR"
    assert "ZeroDivisionError: oops" in caplog.text


def test_every_kind_has_advice() -> None:
    assert set(ADVICE) == set(FailureKind)


def test_nothing_is_worded_that_nobody_reads(caplog: Caplog) -> None:
    logging.getLogger(LOGGER).setLevel(logging.CRITICAL)
    try:
        saved(Lines(FalseClock().now).hear)
        broken(Lines(FalseClock().now).hear)
    finally:
        logging.getLogger(LOGGER).setLevel(logging.NOTSET)
    assert _said(caplog) == []
