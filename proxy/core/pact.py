"""What SDKs and proxies have agreed on in headers: who retries, and how long the app will wait.

The SDKs of OpenAI and Anthropic send `x-stainless-retry-count` and their timeout in seconds
(Python: `x-stainless-read-timeout`; Node: `x-stainless-timeout`, and only where it is set for the
one request), and obey `x-should-retry`, `retry-after-ms` and `retry-after` (`_base_client.py` of
openai-python, `client.ts` of openai-node).
"""

import re

from proxy.core.headers import Headers

SHOULD_RETRY = "x-should-retry"
RETRY_AFTER = "Retry-After"
RETRY_AFTER_MS = "retry-after-ms"
_RETRY_COUNT = "x-stainless-retry-count"
_COUNT = re.compile(r"[0-9]{1,6}")
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)?")
_UNITS_S = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SDK_TIMEOUTS = ("x-stainless-read-timeout", "x-stainless-timeout")
OWN_TIMEOUT = "x-understudy-timeout"


def app_retries(headers: Headers) -> int:
    """How often the app has asked the same before; 0 where it does not say, or nothing likely."""
    told = headers.get(_RETRY_COUNT)
    return int(told) if told is not None and _COUNT.fullmatch(told) else 0


def sdk_timeout_s(headers: Headers) -> float | None:
    """How long the app's SDK bears silence; None where it does not say."""
    for name in _SDK_TIMEOUTS:
        if (told := headers.get(name)) is not None:
            return _seconds(told)
    return None


def app_timeout_s(headers: Headers) -> float | None:
    """How long the app gives the whole call (`x-understudy-timeout`: `30`, `1.5s`, `500ms`, `2m`);
    None where it does not say."""
    told = headers.get(OWN_TIMEOUT)
    return None if told is None else _seconds(told)


def _seconds(text: str) -> float | None:
    """None where `text` is no time, or none at all."""
    found = _TIME.fullmatch(text.strip())
    return float(found[1]) * _UNITS_S[found[2]] or None if found else None


def retry_fields(after_s: float | None) -> dict[str, str]:
    """The headers of an answer after which the SDK shall not try by itself, and which tell when a
    later try is worth it: exact in milliseconds, and in whole seconds, rounded up."""
    fields = {SHOULD_RETRY: "false"}
    if after_s is not None:
        fields[RETRY_AFTER] = str(max(1, -int(-after_s // 1)))
        fields[RETRY_AFTER_MS] = str(max(0, -int(-after_s * 1000 // 1)))
    return fields
