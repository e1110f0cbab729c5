"""Requests for text, as far as a stand-in must know them to answer in their form."""

from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Question
from proxy.dialects.objects import object_in

MOST_CHOICES = 128
"""OpenAI's own limit of `n`."""


def question(operation: Operation, body: bytes) -> Question:
    """The form an answer must have. `Unfit` where words alone would be a wrong answer: a tool that
    may be called, JSON that must follow a schema, sound, probabilities of tokens."""
    asked = object_in(body)
    if asked is None:
        raise Unfit("the request's body is no JSON object")
    if operation is Operation.CHAT:
        _refuse_more_than_words(asked)
        choices = 1
    elif operation is Operation.COMPLETIONS:
        if asked.get("echo"):
            raise Unfit("the request wants its prompt echoed")
        choices = _prompts(asked.get("prompt"))
    else:
        raise Unfit("the request is not for text")
    logprobs = asked.get("logprobs")
    if logprobs is not None and logprobs is not False:  # 0, in completions, wants some too
        raise Unfit("the request wants probabilities of tokens (logprobs)")
    model, options = asked.get("model"), asked.get("stream_options")
    return Question(
        operation=operation,
        model=model if isinstance(model, str) else "",
        stream=asked.get("stream") is True,
        choices=choices * _wanted(asked.get("n")),
        usage_in_stream=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _refuse_more_than_words(asked: dict[str, Any]) -> None:
    if not isinstance(asked.get("messages"), list) or not asked["messages"]:
        raise Unfit("the request has no messages")
    if asked.get("tools") and asked.get("tool_choice") != "none":
        raise Unfit("the request has tools, which the answer may have to call")
    if asked.get("functions") and asked.get("function_call") != "none":
        raise Unfit("the request has functions, which the answer may have to call")
    form = asked.get("response_format")
    if isinstance(form, dict) and form.get("type") != "text":
        raise Unfit("the request wants structured output (response_format)")
    modalities = asked.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise Unfit("the request wants sound (modalities)")


def _wanted(count: Any) -> int:
    if count is None:
        return 1
    if type(count) is not int or not 1 <= count <= MOST_CHOICES:
        raise Unfit(f"n must be a whole number from 1 to {MOST_CHOICES}")
    return count


def _prompts(prompt: Any) -> int:
    """How many there are: a text or a list of token numbers is one, else one for each of a list."""
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        if len(prompt) > MOST_CHOICES:
            raise Unfit(f"the request has more than {MOST_CHOICES} prompts")
        return len(prompt)
    return 1
