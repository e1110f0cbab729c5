"""What an answer says it cost."""

from typing import Any

from proxy.core.event import UsageSeen

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""Anthropic counts tokens of its prompt cache apart. All of them are input
(https://opentelemetry.io/docs/specs/semconv/gen-ai/, `gen_ai.usage.input_tokens`)."""


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens of an answer or of an event that has been read; None where it says none."""
    used = document.get("usage")
    if not isinstance(used, dict):
        return None
    read = [count for name in _INPUT if (count := _count(used.get(name))) is not None]
    written = _count(used.get("output_tokens"))
    if not read and written is None:
        return None
    return UsageSeen(sum(read) if read else None, written)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
