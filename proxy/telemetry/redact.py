"""Makes foreign text fit to be kept: no keys, no control characters, and not too much of it.

Providers echo keys in their messages, and a message can hold line breaks that forge a log line.
Rather one harmless word too many is masked than one key too few.
"""

import re

MASK = "[redacted]"
MAX_TEXT = 500
"""Characters of a foreign text that are kept."""
_MAX_READ = 4096  # what lies beyond is not even looked at

# name: value, name=value, ?name=value
_NAMED = (
    r"(?P<name>(?:api|access|secret|private|subscription)[-_ ]?key|authorization|cookie|credential"
    r"|password|passwd|secret|(?:access|auth|session|refresh|security)[-_ ]?token"
    r"|[?&](?:key|token|sig))"
    r"(?P<sign>(?:\s+provided)?[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)[^\s\"',;&]{4,}"
)
_SCHEME = (
    r"\b(?P<scheme>bearer\s+)[^\s\"',;]{6,}"
    r"|\b(?P<basic>basic\s+)(?=[^\s\"',;]*(?-i:[0-9=A-Z]))[^\s\"',;]{8,}"
)
# Prefixes of keys in use: OpenAI and Anthropic, Google, AWS, GitHub, Hugging Face, Groq, xAI, ...
_PREFIXED = (
    r"(?P<key>\b(?:sk|pk|rk|gsk|xai|hf|r8|pplx|nvapi|csk|tgp|fw|dapi|glpat|gh[pousr]|key|pa|jina)"
    r"[-_][A-Za-z0-9_\-.*]{8,}|\b(?:AIza|ya29\.|AKIA|ASIA|eyJ)[A-Za-z0-9_\-.]{8,})"
)
_LONG = r"(?P<long>[A-Za-z0-9_\-+=]{20,})"
_SECRET = re.compile(f"(?i:{_NAMED})|(?i:{_SCHEME})|{_PREFIXED}|{_LONG}")

_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_HARMLESS = re.compile(r"(?:req|chatcmpl|resp|msg|run)[-_][A-Za-z0-9_-]+")  # what support asks for

# C0, C1, line and paragraph separators, what turns the direction of text, surrogates.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    """`text` on one line, with every character that could act spelled out: `\\x0a`, `\\u2028`."""
    return text if text.isprintable() else _CONTROL.sub(_spelled, text)


def mask(text: str) -> str:
    """`text` with everything that looks like a key replaced by `MASK`; its lines are kept."""
    return _SECRET.sub(_masked, text)


def redact(text: str) -> str:
    """What of a foreign `text` may be kept: masked, on one line, at most `MAX_TEXT` characters."""
    clean = escape(mask(text[:_MAX_READ]))
    return clean if len(clean) <= MAX_TEXT else clean[: MAX_TEXT - 1] + "…"


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _masked(found: re.Match[str]) -> str:
    if found["name"] is not None:
        return f"{found['name']}{found['sign']}{MASK}"
    if found["long"] is not None and not _is_secret(found["long"]):
        return found["long"]
    return f"{found['scheme'] or found['basic'] or ''}{MASK}"


def _is_secret(word: str) -> bool:
    """Whether a long word is rather a key than a name, a date, a UUID or a request's number."""
    if _HARMLESS.fullmatch(word):
        return False
    return any(_mixed(run) for run in _RUN.findall(word)) or (len(word) >= 32 and _scrambled(word))


def _mixed(run: str) -> bool:
    return any(c.isdigit() for c in run) and any(c.isalpha() for c in run)


def _scrambled(word: str) -> bool:
    """Digits, small and capital letters all through it, as base64 has them."""
    digits = sum(c.isdigit() for c in word)
    capitals = sum(c.isupper() for c in word)
    return digits >= 4 and capitals >= 6 and any(c.islower() for c in word)
