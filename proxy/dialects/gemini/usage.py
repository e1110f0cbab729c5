"""What an answer says it cost."""

from typing import Any

from proxy.core.event import UsageSeen

_INPUT = ("promptTokenCount", "toolUsePromptTokenCount")
_OUTPUT = ("candidatesTokenCount", "thoughtsTokenCount")
"""Thoughts are counted apart (https://ai.google.dev/api/generate-content, UsageMetadata)."""


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens of an answer or of an event that has been read; None where it says none."""
    used = document.get("usageMetadata")
    if not isinstance(used, dict):
        return None
    read, written = _sum(used, _INPUT), _sum(used, _OUTPUT)
    return None if read is None and written is None else UsageSeen(read, written)


def _sum(used: dict[str, Any], names: tuple[str, ...]) -> int | None:
    counts = [used[name] for name in names if type(used.get(name)) is int and used[name] >= 0]
    return sum(counts) if counts else None
