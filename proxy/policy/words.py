"""The small languages inside a policy value: durations, one-or-many words, failures, addresses."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from proxy.core.failure import WORDS, FailureKind, expand

WRITTEN: Final = "written"
"""Validation context of a policy file. Code may give seconds as numbers; files must name a unit."""

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 366 * 86400.0  # a year: event loops and timestamps overflow far beyond it
DURATION_PATTERN: Final = r"^(0|[0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h|d))$"
_DURATION = re.compile(DURATION_PATTERN)
_HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_LABEL = 63  # RFC 1035 2.3.4; a longer one, or an empty one, is in no certificate either
_LAST_PORT = 65535
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset(("connection", "content-length", "host", "te", "transfer-encoding", "upgrade"))


def wrong(what: str, right: str, *, quote: bool = False) -> PydanticCustomError:
    """An error in our own words. `what` follows the key, or the value when it may be quoted."""
    return PydanticCustomError("policy", "{wrong}", {"wrong": what, "right": right, "quote": quote})


def duration_s(text: str) -> float | None:
    """Seconds of `250ms`, `5s`, `2m`, `1h`, `1d` or `0`; None of anything else."""
    if not _DURATION.fullmatch(text):
        return None
    number = text.rstrip("mshd")
    return float(number) * _UNITS_S.get(text[len(number) :], 0.0)


def _seconds(value: object, info: ValidationInfo) -> float:
    if isinstance(value, str) and (written := duration_s(value)) is not None:
        seconds = written
    elif type(value) in (int, float) and (value == 0 or info.context != WRITTEN):
        seconds = float(value)  # type: ignore[arg-type]
    else:
        raise wrong(
            "is no duration", "write a number and a unit, like 250ms, 5s, 2m, 1h or 1d", quote=True
        )
    if seconds > _LONGEST_S:
        raise wrong("is longer than a year", "write at most 366d", quote=True)
    return seconds


def _some_seconds(value: object, info: ValidationInfo) -> float:
    seconds = _seconds(value, info)
    if seconds <= 0:
        raise wrong("is no time at all", "write more than 0, like 250ms or 5s", quote=True)
    return seconds


_DURATION_SCHEMA = WithJsonSchema(
    {"type": ["string", "integer"], "pattern": DURATION_PATTERN, "maximum": 0, "minimum": 0}
)
_SOME_SCHEMA = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})
Duration = Annotated[float, BeforeValidator(_seconds), _DURATION_SCHEMA]
"""Seconds, written `250ms`, `5s`, `2m`, `1h`, `1d` or a bare 0."""
SomeTime = Annotated[float, BeforeValidator(_some_seconds), _SOME_SCHEMA]
"""A Duration of more than 0."""


def spell(seconds: float) -> str:
    """`seconds` as a policy file would say it: in the largest unit that needs no fraction."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS_S[unit] and seconds % _UNITS_S[unit] == 0:
            return f"{int(seconds / _UNITS_S[unit])}{unit}"
    return f"{seconds * 1000:g}ms" if seconds else "0"


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise wrong("is no number", "write a number, like 2", quote=True)
    return value


Number = BeforeValidator(_number)
"""Marks a number that may be written as text, since ${NAME} gives text, and is never a boolean."""


def _several(value: object) -> object:
    return (value,) if isinstance(value, str | int) else value


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """Marks a list that may be written as one bare word."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_several, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def _failure_words(value: object) -> object:
    if isinstance(value, str):
        return (str(value),)
    return [str(kind) for kind in value] if isinstance(value, frozenset) else value


@dataclass(frozen=True, slots=True)
class _FailureWords:
    """Failure words, one or many, become all the kinds that they name."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        word = core_schema.literal_schema(list(WORDS))
        words = core_schema.tuple_variable_schema(word, min_length=1)
        before = core_schema.no_info_before_validator_function(_failure_words, words)
        return core_schema.no_info_after_validator_function(expand, before)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        word: dict[str, Any] = {"enum": list(WORDS)}
        return {"anyOf": [word, {"type": "array", "items": word, "minItems": 1}]}


Failures = Annotated[frozenset[FailureKind], _FailureWords()]


def _address(value: str) -> str:
    right = "write one like https://api.example.com or http://127.0.0.1:11434/base"
    if not value.isascii() or re.search(r"[\x00-\x20\x7f]", value):
        raise wrong("is no URL", right)
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong("is no URL", right) from None
    if parts.scheme not in ("http", "https"):
        raise wrong("is no http or https URL", right)
    if "@" in parts.netloc:
        raise wrong("holds a user or password", "put the key in api_key or headers")
    if "?" in value or "#" in value:
        raise wrong("has a query or fragment", "end the URL with its path; the app's follows it")
    if not host or port == 0 or not _HOST.fullmatch(parts.netloc.lower()):
        raise wrong("has no valid host", right)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _host(value: str) -> str:
    lower = value.lower()
    parts = _HOST.fullmatch(lower)
    right = "write one like api.example.com or 127.0.0.1:8080"
    if parts is None:
        raise wrong("is no host", right, quote=True)
    if parts[3] and not 0 < int(parts[3][1:]) <= _LAST_PORT:
        raise wrong("has no port that there is", right, quote=True)
    if any(not label or len(label) > _LABEL for label in parts[1].split(".")):
        raise wrong("is no name that DNS knows", right, quote=True)
    return lower


def _header_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise wrong("is no header name", "use letters, digits and dashes", quote=True)
    if value.lower() in _FRAMING:
        raise wrong("is not for a policy to set", "leave this header out", quote=True)
    return value


def _header_value(value: str) -> str:
    if _CONTROL.search(value):
        raise wrong("has a line break or control character", "take it out")
    return value


Url = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]


def _probe_path(value: str) -> str:
    if not value.startswith("/") or not value.isascii() or re.search(r"[\x00-\x20\x7f#]", value):
        raise wrong("is no path", "write one like /v1/models", quote=True)
    return value


ProbePath = Annotated[str, AfterValidator(_probe_path)]


def host_of(url: str) -> str:
    """The host of a valid `Url`, with its port where the URL names one."""
    return urlsplit(url).netloc


def listed(words: Iterable[str]) -> str:
    """Words for a person: `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
