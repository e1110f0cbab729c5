"""A log record on one line: `time level message key=value ...`, or one JSON object."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import orjson

from proxy.telemetry.line import FIELDS, LOGGER, Field
from proxy.telemetry.redact import escape, mask, redact


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Format(Protocol):
    def __call__(self, record: logging.LogRecord) -> str: ...


def as_text(record: logging.LogRecord) -> str:
    parts = [_when(record), record.levelname.lower(), _message(record)]
    parts += [f"{key}={_quoted(value)}" for key, value in _fields(record).items()]
    line = " ".join(parts)
    return f"{line}\n{_traceback(record)}" if record.exc_text else line


def as_json(record: logging.LogRecord) -> str:
    said: dict[str, Field] = {
        "time": _when(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
        **_fields(record),
    }
    if record.exc_text:
        said["traceback"] = _traceback(record)
    return orjson.dumps(said).decode()


FORMATS: dict[LogFormat, Format] = {LogFormat.TEXT: as_text, LogFormat.JSON: as_json}


def _when(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """Our own lines come masked already, and may name things that look like keys (digests)."""
    if FIELDS in record.__dict__:
        return escape(record.getMessage())
    text = redact(record.getMessage())
    return text if record.name == LOGGER else f"{record.name}: {text}"


def _fields(record: logging.LogRecord) -> Mapping[str, Field]:
    fields: Mapping[str, Field] = record.__dict__.get(FIELDS, {})
    return {
        key: escape(value) if isinstance(value, str) else value for key, value in fields.items()
    }


def _quoted(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    plain = text and not any(character in text for character in ' "=')
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _traceback(record: logging.LogRecord) -> str:
    return "\n".join(f"  {escape(line)}" for line in mask(record.exc_text or "").splitlines())
