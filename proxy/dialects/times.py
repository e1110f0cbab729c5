"""Moments and durations, in every notation that providers use in headers and bodies.

12ms  1m30.5s  22.37s          durations as Go prints them           OpenAI, Groq, Gemini
7  2.5                         seconds                               nearly all
1769759903  1769759903000      seconds or milliseconds since 1970    gateways
2026-02-09T22:39:44Z           RFC 3339                              Anthropic
Sun, 06 Nov 1994 08:49:37 GMT  RFC 9110 5.6.7                        Retry-After
"""

import re
from calendar import timegm
from email.utils import parsedate_tz

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,30})?", re.ASCII)
"""29.889999999999997 is how programs print what was 29.89 once."""
_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|us|µs|s)", re.ASCII)
_GO_SECONDS = re.compile(r"(?:([0-9]{1,15})m)?([0-9]{1,15}(?:\.[0-9]{1,15})?)(m?s)", re.ASCII)
"""How nearly all of them look."""
_GO_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))",
    re.ASCII,
)
_MOST_DIGITS = 15
_MOST_CHARACTERS = 64
_SINCE_1970_S = 1e9
"""A number of this size is no duration (31 years) but a moment (later than 2001)."""
_SINCE_1970_MS = 1e12


def number(text: str | None) -> float | None:
    """A plain number of 0 or more; None when `text` is none."""
    text = (text or "").strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    return float(text)


def count(text: str | None) -> int | None:
    """A whole number of 0 or more; None when `text` is none, or has more than 15 digits."""
    if text is None or len(text) > _MOST_DIGITS or not text.isascii() or not text.isdigit():
        return None
    return int(text)


def go_duration_s(text: str) -> float | None:
    """Seconds in a duration as Go prints it (`12ms`, `1m30.5s`); None when it is none."""
    if (short := _GO_SECONDS.fullmatch(text)) is not None:
        minutes, value, unit = short.groups()
        wait_s = float(value) if unit == "s" else float(value) / 1000
        return wait_s if minutes is None else wait_s + int(minutes) * 60
    total_s, at = 0.0, 0
    while at < len(text):
        part = _GO_PART.match(text, at)
        if part is None or len(part[1]) > _MOST_DIGITS:
            return None
        total_s += float(part[1]) * _GO_UNITS_S[part[2]]
        at = part.end()
    return total_s if text else None


def date_s(text: str) -> float | None:
    """Seconds since the epoch of any date of RFC 9110 5.6.7; None when no calendar has it."""
    try:
        date = parsedate_tz(text)
        if date is None or date[2] > 31 or date[3] > 23 or date[4] > 59 or date[5] > 60:
            return None
        return timegm(date[:6]) - (date[9] or 0)  # no zone, as in the asctime form, means GMT
    except (ValueError, OverflowError, IndexError):
        return None


def timestamp_s(text: str) -> float | None:
    """Seconds since the epoch of a time of RFC 3339; None when no calendar has it."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not (year >= 1970 and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 60):
        return None
    try:
        at_s = timegm((year, month, day, hour, minute, second)) + float(found[7] or 0)
    except ValueError:
        return None
    if found[8]:
        east_s = int(found[9]) * 3600 + int(found[10]) * 60
        at_s += -east_s if found[8] == "+" else east_s
    return at_s


def until_s(text: str | None, wall_s: float) -> float | None:
    """Seconds from `wall_s` (now, since the epoch) to whatever `text` names, 0 when it is past;
    None when it names nothing."""
    if not text or len(text) > _MOST_CHARACTERS:
        return None
    if text[-1] == "s" and (wait_s := go_duration_s(text)) is not None:
        return wait_s
    value = number(text)
    if value is not None:
        if value < _SINCE_1970_S:
            return value
        at_s: float | None = value / 1000 if value >= _SINCE_1970_MS else value
    elif text[0].isalpha():
        at_s = date_s(text)
    else:
        at_s = timestamp_s(text)
        if at_s is None:
            return go_duration_s(text)
    return None if at_s is None else max(0.0, at_s - wall_s)
