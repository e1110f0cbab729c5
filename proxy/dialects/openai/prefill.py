"""Requests for the rest of an answer that has begun."""

from typing import Any

from proxy.core.call import Operation
from proxy.dialects.objects import json_of, object_in


def prefilled(operation: Operation, body: bytes, said: str) -> bytes | None:
    """The request with `said` as the assistant's own last words (vLLM, Mistral, DeepSeek and others
    go on from there); of completions, as the end of the prompt. None where it has no such form:
    several prompts, one that is echoed, messages that are no list."""
    asked = object_in(body)
    if asked is None:
        return None
    if operation is Operation.CHAT:
        changed = _chat(asked.get("messages"), said)
        return None if changed is None else json_of({**asked, "messages": changed})
    if operation is Operation.COMPLETIONS and not asked.get("echo"):
        prompt = _prompt(asked.get("prompt"))
        return None if prompt is None else json_of({**asked, "prompt": prompt + said})
    return None


def _chat(messages: Any, said: str) -> list[Any] | None:
    if not isinstance(messages, list) or not messages:
        return None
    last = messages[-1]
    if not isinstance(last, dict) or last.get("role") != "assistant":
        return [*messages, {"role": "assistant", "content": said}]
    begun = last.get("content")  # the app had put words into its mouth already
    if not isinstance(begun, str):
        return None
    return [*messages[:-1], {**last, "content": begun + said}]


def _prompt(prompt: Any) -> str | None:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else None
