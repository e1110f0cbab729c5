"""How long a provider asks us to stay away, in seconds, wherever it says so.

Retry-After and retry-after-ms, the reset of a limit that is used up, fields of a body, its words.
"""

import re
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from proxy.core.headers import Headers
from proxy.dialects.allowance import allowances
from proxy.dialects.times import date_s, number

_AMOUNT = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
_UNIT = r"(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])"
_PART = re.compile(rf"({_AMOUNT})\s?({_UNIT})", re.ASCII | re.IGNORECASE)
_IN_WORDS = re.compile(
    r"\b(?:try(?:ing)?\sagain|retry(?:ing)?|wait|available(?:\sagain)?)\s"
    r"(?:(?:in|after|for|about|approximately|at\sleast|another)\s){0,3}"
    rf"((?:{_AMOUNT}\s?{_UNIT}(?:,?\sand\s|,\s|\s)?){{1,6}})",
    re.ASCII | re.IGNORECASE,
)
_UNITS_S = (("ms", 1e-3), ("mil", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0))
"""By what the unit begins with, the first that fits."""
_FIELDS = (  # name, what one of it is in seconds
    ("retry_after_ms", 1e-3),
    ("retry_after_seconds", 1.0),
    ("retry_after", 1.0),
)


def wait_s(status: int, headers: Headers, message: str, wall_s: float) -> float | None:
    """The provider's wish, 0 or more; None when it has none, or none that can be read.

    Headers first, the most exact before the others, then `message` (its own words). Only an error
    can ask to wait: providers send Retry-After with good answers too. `wall_s` is now, since the
    epoch, for headers that carry a date.
    """
    if status < 400:
        return None
    told_s = headers_s(headers, wall_s)
    return words_s(message) if told_s is None else told_s


def headers_s(headers: Headers, wall_s: float) -> float | None:
    """The wish that an error's headers tell: seconds, milliseconds, a date, or when a limit that is
    used up will be free again, the latest of several."""
    exact_ms = number(headers.get("retry-after-ms"))
    if exact_ms:
        return exact_ms / 1000
    asked_s = _retry_after_s(headers.get("retry-after"), wall_s)
    if asked_s is None and exact_ms is not None:
        return 0.0
    return _reset_s(headers, wall_s) if asked_s is None else asked_s


def fields_s(error: Mapping[str, Any], wall_s: float | None) -> float | None:
    """The wish that fields of an error's body tell: numbers, or headers of whoever is behind a
    gateway (OpenRouter's `metadata`), which may name a moment and are not read without `wall_s`."""
    for name, unit_s in _FIELDS:
        value = error.get(name)
        if type(value) in (int, float, str) and (asked := number(str(value))) is not None:
            return asked * unit_s
    behind = error.get("headers")
    if wall_s is None or not isinstance(behind, dict):
        return None
    told = CIMultiDict(
        (name, str(value)) for name, value in behind.items() if type(value) in (int, float, str)
    )
    return headers_s(told, wall_s)


def words_s(message: str) -> float | None:
    """The wait that a sentence asks for: "try again in 2.3s", "retry after 20 seconds", "wait 1
    minute and 5 seconds"."""
    found = _IN_WORDS.search(message)
    if found is None:
        return None
    return sum(float(amount) * _unit_s(unit) for amount, unit in _PART.findall(found[1]))


def _unit_s(unit: str) -> float:
    unit = unit.lower()
    return next(size_s for start, size_s in _UNITS_S if unit.startswith(start))


def _retry_after_s(text: str | None, wall_s: float) -> float | None:
    """RFC 9110 10.2.3: seconds (in the wild also with a fraction) or a date, past or to come."""
    seconds = number(text)
    if seconds is None and text and text[:1].isalpha():
        at_s = date_s(text)
        seconds = None if at_s is None else max(0.0, at_s - wall_s)
    return seconds


def _reset_s(headers: Headers, wall_s: float) -> float | None:
    """When the limits that are used up will be free again, the latest. A reset of nothing at all
    comes with counts that lag behind (Azure), and is no wish."""
    waits_s = [
        allowance.reset_s
        for allowance in allowances(headers, wall_s, windows=False)
        if allowance.remaining == 0 and allowance.reset_s
    ]
    return max(waits_s, default=None)
