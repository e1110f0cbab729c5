"""What is left of a provider's limits, as the headers of any of its answers say.

x-ratelimit-{remaining,limit,reset}-{requests,tokens}     OpenAI, Azure, Groq, xAI, gateways
anthropic-ratelimit-{requests,tokens,...}-{remaining,..}  Anthropic
x-ratelimit-{remaining,limit}-{req,tokens}-minute         Mistral (and Hugging Face)
ratelimitbysize-{remaining,limit,reset}                   Mistral, once
x-ratelimit-{remaining,limit,reset}                       Together
ratelimit-{remaining,limit,reset}                         Replicate, Hugging Face's router
ratelimit: "api";r=499;t=70                               Hugging Face
x-ratelimit-timeremaining                                 GitHub Models, when nothing is left
"""

import re
from typing import NamedTuple

from proxy.core.headers import Headers
from proxy.dialects.times import count, number, until_s

_POLICY = re.compile(r";\s*r=([0-9]{1,15})(?:\s*;\s*t=([0-9]{1,15}))?", re.ASCII)
_POLICY_LIMIT = re.compile(r";\s*q=([0-9]{1,15})", re.ASCII)
_MOST_CHARACTERS = 512
_POLICIES = "ratelimit"
_TIME_REMAINING = "x-ratelimit-timeremaining"


class Allowance(NamedTuple):
    """What is left of one limit. `of` is what is counted: `requests`, `tokens`, `input-tokens` or
    `output-tokens`. `reset_s` is how long until there is (more of) it again, at the latest."""

    of: str
    remaining: int
    limit: int | None
    reset_s: float | None


class _Names(NamedTuple):
    """The headers that tell of one limit. `window_s`, where the name says it, is how long it is."""

    of: str
    remaining: str
    limit: str
    reset: str = ""
    period: str = ""
    window_s: float | None = None


def _openai(of: str) -> _Names:
    start = "x-ratelimit"
    return _Names(
        of,
        f"{start}-remaining-{of}",
        f"{start}-limit-{of}",
        f"{start}-reset-{of}",
        f"{start}-renewalperiod-{of}",
    )


def _plain(of: str, start: str) -> _Names:
    return _Names(of, f"{start}-remaining", f"{start}-limit", f"{start}-reset")


def _windowed(of: str, name: str, window_s: float) -> _Names:
    remaining, limit = f"x-ratelimit-remaining-{name}", f"x-ratelimit-limit-{name}"
    return _Names(of, remaining, limit, window_s=window_s)


_LIMITS = tuple(
    (names.remaining, names)
    for names in (
        _openai("requests"),
        _openai("tokens"),
        *(
            _plain(of, f"anthropic-ratelimit-{of}")
            for of in ("requests", "tokens", "input-tokens", "output-tokens")
        ),
        _windowed("requests", "req-minute", 60.0),
        _windowed("requests", "req-10-second", 10.0),
        _windowed("requests", "requests-minute", 60.0),
        _windowed("tokens", "tokens-minute", 60.0),
        _plain("tokens", "ratelimitbysize"),
        _Names("requests", "x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"),
        _plain("requests", "ratelimit"),
    )
)
"""Each behind the header without which it is not told of."""


def allowances(headers: Headers, wall_s: float, *, windows: bool = True) -> tuple[Allowance, ...]:
    """All that an answer with these headers tells, one of each `of`: the scarcest. `()` where it
    tells nothing, which is found out in half a microsecond. `wall_s` is now, since the epoch.

    Where only the window of a limit is told and no reset, `reset_s` is all of the window; without
    `windows` it is None.
    """
    told = [names for name, names in _LIMITS if name in headers]
    if not told and _POLICIES not in headers and _TIME_REMAINING not in headers:
        return ()
    found: dict[str, Allowance] = {}
    resets: dict[str, float | None] = {}  # several limits are often free again at once
    for names in told:
        allowance = _told(names, headers, wall_s, resets)
        if allowance is not None:
            windowed = windows and names.window_s is not None
            _keep(found, allowance._replace(reset_s=names.window_s) if windowed else allowance)
    if _POLICIES in headers:
        allowance = _policy(headers)
        if allowance is not None:
            _keep(found, allowance)
    if not found and _TIME_REMAINING in headers:
        reset_s = until_s(headers.get(_TIME_REMAINING), wall_s)
        return () if reset_s is None else (Allowance("requests", 0, None, reset_s),)
    return tuple(found.values())


def _keep(found: dict[str, Allowance], told: Allowance) -> None:
    known = found.get(told.of)
    if known is None or told.remaining < known.remaining:
        found[told.of] = told


def _told(
    names: _Names, headers: Headers, wall_s: float, resets: dict[str, float | None]
) -> Allowance | None:
    remaining = count(headers.get(names.remaining))
    if remaining is None:
        return None
    reset_s = None
    if (text := headers.get(names.reset)) is not None:
        if text not in resets:
            resets[text] = until_s(text, wall_s)
        reset_s = resets[text]
        if reset_s is not None and reset_s > 1 and text.isdigit():
            reset_s = _in_period(reset_s, number(headers.get(names.period)))
    return Allowance(names.of, remaining, count(headers.get(names.limit)), reset_s)


def _in_period(reset_s: float, period_s: float | None) -> float:
    """Azure counts some resets in seconds and some in milliseconds: what would be later than the
    period after which the limit is whole again is the latter."""
    return reset_s / 1000 if period_s is not None and reset_s > period_s else reset_s


def _policy(headers: Headers) -> Allowance | None:
    """draft-ietf-httpapi-ratelimit-headers-09, of several policies the scarcest."""
    policies = _POLICY.findall((headers.get(_POLICIES) or "")[:_MOST_CHARACTERS])
    if not policies:
        return None
    remaining, reset = min(policies, key=lambda policy: int(policy[0]))
    limits = _POLICY_LIMIT.findall((headers.get("ratelimit-policy") or "")[:_MOST_CHARACTERS])
    limit = int(limits[0]) if len(limits) == len(policies) == 1 else None
    return Allowance("requests", int(remaining), limit, float(reset) if reset else None)
