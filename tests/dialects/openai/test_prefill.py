"""A request is made into one for the rest of its answer."""

from typing import Any

import orjson
import pytest

from proxy.core.call import Operation
from proxy.dialects.openai.prefill import prefilled

USER = {"role": "user", "content": "Hi"}


def changed(operation: Operation, **asked: Any) -> Any:
    body = prefilled(operation, orjson.dumps(asked), "Hello")
    return None if body is None else orjson.loads(body)


def test_what_was_said_is_the_assistants_last_message() -> None:
    asked = {"model": "m", "messages": [USER], "stream": True, "tools": []}
    begun = {"role": "assistant", "content": "Hello"}
    assert changed(Operation.CHAT, **asked) == {**asked, "messages": [USER, begun]}


def test_the_apps_own_prefill_is_gone_on_with() -> None:
    begun = {"role": "assistant", "content": "{", "name": "a"}
    asked = changed(Operation.CHAT, messages=[USER, begun])
    assert asked == {"messages": [USER, {**begun, "content": "{Hello"}]}


@pytest.mark.parametrize("prompt", ["Say: ", ["Say: "]])
def test_completions_go_on_with_their_prompt(prompt: Any) -> None:
    assert changed(Operation.COMPLETIONS, prompt=prompt) == {"prompt": "Say: Hello"}


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        (Operation.CHAT, {}),
        (Operation.CHAT, {"messages": []}),
        (Operation.CHAT, {"messages": "Hi"}),
        (Operation.CHAT, {"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}),
        (Operation.COMPLETIONS, {"prompt": ["a", "b"]}),
        (Operation.COMPLETIONS, {"prompt": [1, 2]}),
        (Operation.COMPLETIONS, {"prompt": "a", "echo": True}),
        (Operation.EMBEDDINGS, {"input": "a"}),
    ],
)
def test_no_form_for_it(operation: Operation, asked: Any) -> None:
    assert changed(operation, **asked) is None


def test_what_is_no_object_is_left_alone() -> None:
    assert prefilled(Operation.CHAT, b"[]", "Hello") is None
    assert prefilled(Operation.CHAT, b"\xff", "Hello") is None
