"""How long a provider asks us to stay away, in seconds, wherever it says so."""

import re
from calendar import timegm
from email.utils import parsedate_tz

from proxy.core.headers import Headers

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|us|µs|s)")
_GO_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_IN_WORDS = re.compile(
    r"(?:try again|retry) (?:in|after) "
    r"(?:((?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+)\b|([0-9]+(?:\.[0-9]+)?) (second|minute)s?\b)",
    re.ASCII | re.IGNORECASE,
)
_MOST_DIGITS = 15
_LIMITS = ("requests", "tokens")


def wait_s(status: int, headers: Headers, message: str, wall_s: float) -> float | None:
    """The provider's wish, 0 or more; None when it has none, or none that can be read.

    Headers first, the most exact before the others, then `message` (its own words). Only an error
    can ask to wait: providers send Retry-After with good answers too. `wall_s` is now, since the
    epoch, for headers that carry a date.
    """
    if status < 400:
        return None
    exact_ms = _number(headers.get("retry-after-ms"))
    if exact_ms:
        return exact_ms / 1000
    asked_s = _retry_after_s(headers.get("retry-after"), wall_s)
    if asked_s is None and exact_ms is not None:
        return 0.0
    if asked_s is None:
        asked_s = _reset_s(headers)
    return words_s(message) if asked_s is None else asked_s


def go_duration_s(text: str) -> float | None:
    """Seconds in a duration as Go prints it (`12ms`, `1m30.5s`); None when it is none."""
    total_s, at = 0.0, 0
    while at < len(text):
        part = _GO_PART.match(text, at)
        if part is None or len(part[1]) > _MOST_DIGITS:
            return None
        total_s += float(part[1]) * _GO_UNITS_S[part[2]]
        at = part.end()
    return total_s if text else None


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    if len(text) > _MOST_DIGITS or _NUMBER.fullmatch(text) is None:
        return None
    return float(text)


def _retry_after_s(text: str | None, wall_s: float) -> float | None:
    """RFC 9110 10.2.3: seconds (in the wild also with a fraction) or a date, past or to come."""
    seconds = _number(text)
    if seconds is None and text and text[:1].isalpha():
        at_s = _date_s(text)
        seconds = None if at_s is None else max(0.0, at_s - wall_s)
    return seconds


def _date_s(text: str) -> float | None:
    """Seconds since the epoch of any date of RFC 9110 5.6.7; None when no calendar has it."""
    try:
        date = parsedate_tz(text)
        if date is None or date[2] > 31 or date[3] > 23 or date[4] > 59 or date[5] > 60:
            return None
        return timegm(date[:6]) - (date[9] or 0)  # no zone, as in the asctime form, means GMT
    except (ValueError, OverflowError, IndexError):
        return None


def _reset_s(headers: Headers) -> float | None:
    """OpenAI's own headers: when a limit that is used up will be free again, the later of two."""
    waits_s = [
        go_duration_s(headers.get(f"x-ratelimit-reset-{limit}") or "")
        for limit in _LIMITS
        if headers.get(f"x-ratelimit-remaining-{limit}") == "0"
    ]
    return max((wait for wait in waits_s if wait is not None), default=None)


def words_s(message: str) -> float | None:
    """The wait that a sentence asks for: "try again in 2.3s", "retry after 20 seconds"."""
    found = _IN_WORDS.search(message)
    if found is None:
        return None
    if found[1]:
        return go_duration_s(found[1].lower())
    number = _number(found[2])
    if number is None:
        return None
    return number * (60.0 if found[3].lower() == "minute" else 1.0)
