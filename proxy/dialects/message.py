"""A provider's own words, made fit for headers, logs and the app's eyes."""

import re

MOST_CHARACTERS = 300
_MOST_READ = 4096
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|csk|xai|pplx|nvapi)-[\w*.-]*[\w*-]"
    r"|\b(?:gsk|hf|r8|sess)_\w+"
    r"|\bAIza[\w-]{10,}|\bAKIA[0-9A-Z]{12,}|\beyJ[\w-]{10,}(?:\.[\w-]+)*"
)
_NAMED = re.compile(r"(?i)\b(api[ _-]?key(?: provided)?): \S+?(?=[.,;]?(?:\s|$))")


def fit(text: str) -> str:
    """One printable line of at most 300 characters, in which nothing looks like a key: providers
    repeat part of the key they refuse, and even that part is more than a log should show."""
    line = "".join(c if c.isprintable() else " " for c in text[:_MOST_READ])
    line = _KEYS.sub("***", " ".join(line.split()))
    line = _NAMED.sub(r"\1: ***", line)
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
