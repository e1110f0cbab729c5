"""What an answer says it cost."""

from typing import Any

from proxy.core.event import UsageSeen


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens that an answer of v2 (`usage`) or v1 (`meta`) took, else those that are billed;
    None where it says none."""
    used = document.get("usage") or document.get("meta")
    if not isinstance(used, dict):
        return None
    for name in ("tokens", "billed_units"):
        counts = used.get(name)
        if isinstance(counts, dict):
            taken, given = _count(counts.get("input_tokens")), _count(counts.get("output_tokens"))
            if taken is not None or given is not None:
                return UsageSeen(taken, given)
    return None


def _count(value: Any) -> int | None:
    """A whole number; JSON may spell it with a point (`7.0`)."""
    return int(value) if type(value) in (int, float) and 0 <= value < 1e15 else None
