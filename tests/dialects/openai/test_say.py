"""A stand-in's answers, read by the official SDK and by our own reader."""

from typing import Any

import orjson
import pytest
from multidict import CIMultiDict
from openai.types import Completion
from openai.types.chat import ChatCompletion

from proxy.core.call import Operation
from proxy.core.failure import Failure, Unfit
from proxy.dialects.dialect import Question
from proxy.dialects.openai.dialect import OpenAI
from tests.dialects.openai.sdk import client

DIALECT = OpenAI()
TEXT = "Two words,  then\nmore. "
MESSAGES = [{"role": "user", "content": "hello"}]


def question(operation: Operation = Operation.CHAT, **fields: Any) -> Question:
    start = {"messages": MESSAGES} if operation is Operation.CHAT else {"prompt": "hello"}
    return DIALECT.question(operation, orjson.dumps({"model": "m", **start, **fields}))


def said(asked: Question) -> tuple[bytes, str]:
    return DIALECT.say(asked, TEXT, answer_id="7", created_s=5, mark="mock")


def test_a_plain_question() -> None:
    assert question() == Question(Operation.CHAT, "m")
    assert question(stream=True, n=2, stream_options={"include_usage": True}) == Question(
        Operation.CHAT, "m", stream=True, choices=2, usage_in_stream=True
    )
    assert question(Operation.COMPLETIONS, prompt=["a", "b"], n=2).choices == 4
    assert question(Operation.COMPLETIONS, prompt=[1, 2]).choices == 1
    assert question(tools=[{}], tool_choice="none", response_format={"type": "text"}).choices == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function"}]},
        {"tools": [{}], "tool_choice": "auto"},
        {"functions": [{}]},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema"}},
        {"modalities": ["text", "audio"]},
        {"logprobs": True},
        {"n": 0},
        {"n": 1000},
        {"n": True},
        {"messages": []},
        {"messages": None},
    ],
)
def test_words_alone_would_be_wrong(fields: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        question(**fields)


def test_no_question_at_all() -> None:
    with pytest.raises(Unfit):
        DIALECT.question(Operation.CHAT, b"{")
    with pytest.raises(Unfit):
        question(Operation.EMBEDDINGS)
    with pytest.raises(Unfit):
        question(Operation.COMPLETIONS, echo=True)
    with pytest.raises(Unfit):
        question(Operation.COMPLETIONS, logprobs=0)


def test_chat() -> None:
    body, content_type = said(question(n=2))
    assert content_type == "application/json"
    answer = ChatCompletion.model_validate(orjson.loads(body), strict=True)
    assert (answer.id, answer.created, answer.model) == ("chatcmpl-7", 5, "m")
    assert [choice.message.content for choice in answer.choices] == [TEXT, TEXT]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0
    assert orjson.loads(body)["understudy"] == {"source": "mock"}
    headers = CIMultiDict({"content-type": content_type})
    assert not isinstance(DIALECT.judge(Operation.CHAT, 200, headers, body, 0.0), Failure)


def test_completions() -> None:
    body, _ = said(question(Operation.COMPLETIONS, n=2))
    answer = Completion.model_validate(orjson.loads(body), strict=True)
    assert answer.id == "cmpl-7"
    assert [choice.text for choice in answer.choices] == [TEXT, TEXT]


@pytest.mark.parametrize("with_usage", [False, True])
def test_streamed_chat(with_usage: bool) -> None:
    options = {"include_usage": with_usage}
    body, content_type = said(question(stream=True, n=2, stream_options=options))
    texts, finishes, usages = {0: "", 1: ""}, [], []
    sdk = client(body, content_type)
    for chunk in sdk.chat.completions.create(model="m", messages=[], stream=True):
        assert chunk.object == "chat.completion.chunk"
        assert chunk.model_extra == {"understudy": {"source": "mock"}}
        usages += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            finishes += [choice.finish_reason] if choice.finish_reason else []
    assert texts == {0: TEXT, 1: TEXT}
    assert finishes == ["stop", "stop"]
    assert len(usages) == with_usage


def test_streamed_completions() -> None:
    body, content_type = said(question(Operation.COMPLETIONS, stream=True))
    sdk = client(body, content_type)
    chunks = list(sdk.completions.create(model="m", prompt="x", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.COMPLETIONS])
def test_our_own_reader_finds_it_whole(operation: Operation) -> None:
    body, content_type = said(question(operation, stream=True))
    headers = CIMultiDict({"content-type": content_type})
    reader = DIALECT.reader(operation, headers)
    assert reader is not None
    reader.feed(body)
    assert reader.useful
    assert reader.finish() is None
    assert DIALECT.whole(operation, headers, body, True)
