"""What an answer says it cost."""

from typing import Any

from proxy.core.event import UsageSeen


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens of an answer or of an event that has been read; None where it says none."""
    used = document.get("usage")
    if not isinstance(used, dict):
        return None
    taken, given = used.get("prompt_tokens"), used.get("completion_tokens")
    if "input_tokens" in used:  # as Responses calls them
        taken, given = used["input_tokens"], used.get("output_tokens")
    seen = UsageSeen(_count(taken), _count(given))
    return None if seen.input_tokens is None and seen.output_tokens is None else seen


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
