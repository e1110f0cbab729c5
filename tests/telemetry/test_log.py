import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from proxy.telemetry import log as room
from proxy.telemetry.formats import LogFormat
from proxy.telemetry.line import LOGGER
from proxy.telemetry.lines import Lines
from proxy.telemetry.log import LEVELS, Log
from tests.clock import FalseClock
from tests.telemetry.calls import CANARY, saved


class Kept(io.StringIO):
    """A stream whose text is still there after it was closed."""


class Blocked(io.StringIO):
    """A pipe that nobody reads, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = threading.Event()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.writing.set()
        self.free.wait(10)
        return super().write(text)


@contextmanager
def _logging(
    stream: TextIO, form: LogFormat = LogFormat.TEXT, level: str = "info"
) -> Iterator[Log]:
    log = Log(stream, form, level)
    try:
        yield log
    finally:
        log.close(2.0)


def test_text_is_a_line_with_fields() -> None:
    stream = Kept()
    with _logging(stream):
        saved(Lines(FalseClock().now).hear)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert " info openai failed (rate_limit); asking it again in 2.00 s. call=call-1" in lines[0]
    assert "status=200" in lines[2]
    assert "fallback" not in lines[0]


def test_json_lines_parse() -> None:
    stream = Kept()
    with _logging(stream, LogFormat.JSON):
        saved(Lines(FalseClock().now).hear)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["info"] * 3
    assert lines[2]["target"] == "openrouter"
    assert lines[2]["duration_ms"] == 4000.0
    assert lines[2]["time"].endswith("Z")
    assert lines[2]["logger"] == LOGGER


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_bug_has_its_traceback_without_keys(form: LogFormat) -> None:
    stream = Kept()
    with _logging(stream, form):
        try:
            raise ValueError(f"bad key {CANARY}\nsecond line")
        except ValueError:
            logging.getLogger("aiohttp.server").exception("Error handling %s", CANARY)
    text = stream.getvalue()
    assert "Traceback" in text
    assert "test_log.py" in text
    assert "aiohttp.server: Error handling [redacted]" in text
    assert CANARY not in text
    if form is LogFormat.JSON:
        assert len(text.splitlines()) == 1


def test_nothing_that_is_logged_forges_a_line() -> None:
    stream = Kept()
    with _logging(stream):
        logging.getLogger("other").warning("one\ntwo %s", "\x1b[2J")
        logging.getLogger(LOGGER).info("%s", "a\nb", extra={"fields": {"route": 'x "y"\n'}})
    first, second = stream.getvalue().splitlines()
    assert "one\\x0atwo \\x1b[2J" in first
    assert 'route="x \\"y\\"\\\\x0a"' in second


def test_levels() -> None:
    for level in LEVELS:
        stream = Kept()
        with _logging(stream, level=level):
            for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
                logging.getLogger(LOGGER).log(number, "ours")
                logging.getLogger("theirs").log(number, "theirs")
        said = stream.getvalue()
        assert said.count("ours") == len(LEVELS) - LEVELS.index(level)
        assert said.count("theirs: theirs") == min(2, said.count("ours"))


def test_wrong_arguments_cost_nothing_but_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise
    stream = Kept()
    with _logging(stream):
        logging.getLogger("other").warning("%d", "not a number")
    assert "its arguments do not fit" in stream.getvalue()


def test_a_blocked_stream_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CAPACITY", 10)
    stream = Blocked()
    log = Log(stream, LogFormat.TEXT, "info")
    logger = logging.getLogger(LOGGER)
    logger.info("first")
    assert stream.writing.wait(5)
    for number in range(25):
        logger.info("line %d", number)
    assert log.dropped == 15
    assert not log.close(0.05)
    stream.free.set()
    assert log.close(5.0)
    said = stream.getvalue().splitlines()
    assert len(said) == 12
    assert "15 log lines were dropped" in said[1]


def test_a_stream_that_is_gone_is_counted() -> None:
    stream = Kept()
    stream.close()
    with _logging(stream) as log:
        logging.getLogger(LOGGER).info("to nobody")
    assert log.dropped == 1


def test_logging_is_as_before_afterwards() -> None:
    root, own = logging.getLogger(), logging.getLogger(LOGGER)
    before = (root.level, own.level, list(root.handlers))
    with _logging(Kept()):
        assert (root.level, own.level, list(root.handlers)) != before
    assert (root.level, own.level, list(root.handlers)) == before
