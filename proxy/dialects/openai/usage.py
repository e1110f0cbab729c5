"""What an answer says it cost."""

import re
from typing import Any

from proxy.core.event import UsageSeen
from proxy.dialects.objects import object_in

_END_BYTES = 512
_USAGE = re.compile(rb'"usage"\s*:\s*(\{[^{}]*\})')


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens of an answer or of an event that has been read; None where it says none."""
    used = document.get("usage")
    if not isinstance(used, dict):
        return None
    seen = UsageSeen(_count(used.get("prompt_tokens")), _count(used.get("completion_tokens")))
    return None if seen.input_tokens is None and seen.output_tokens is None else seen


def usage_at_end(plain: bytes) -> UsageSeen | None:
    """The tokens that stand at the end of an answer too large to read, as OpenAI puts them."""
    found = _USAGE.search(plain[-_END_BYTES:])
    return usage_in({"usage": object_in(found[1])}) if found else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
