"""What an answer says it cost."""

from typing import Any

from proxy.core.event import UsageSeen

_METRICS = "amazon-bedrock-invocationMetrics"


def usage_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens of a Converse answer, of its stream's metadata, or of what a model of Anthropic's,
    Amazon's or OpenAI's family answers; None where it says none."""
    used = document.get("usage")
    if not isinstance(used, dict):
        return None
    return _seen(
        _first(used, "inputTokens", "input_tokens", "prompt_tokens"),
        _first(used, "outputTokens", "output_tokens", "completion_tokens"),
    )


def metrics_in(document: dict[str, Any]) -> UsageSeen | None:
    """The tokens that Bedrock itself adds to the last event of InvokeModelWithResponseStream."""
    used = document.get(_METRICS)
    if not isinstance(used, dict):
        return None
    return UsageSeen(_count(used.get("inputTokenCount")), _count(used.get("outputTokenCount")))


def _first(used: dict[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := _count(used.get(name))) is not None), None)


def _seen(taken: int | None, given: int | None) -> UsageSeen | None:
    return None if taken is None and given is None else UsageSeen(taken, given)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
