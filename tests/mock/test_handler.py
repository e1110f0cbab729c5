"""The stand-in speaks the caller's API correctly, and says what it is."""

from math import sqrt

import orjson
import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.core.call import Call, Operation
from proxy.core.clock import SystemClock
from proxy.core.failure import Unfit
from proxy.core.reply import Reply, Source
from proxy.dialects.recognise import dialect_named
from proxy.mock.handler import Mock
from tests.calls import a_call

MOCK = Mock(dialect_named("openai"), SystemClock())
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


def asking(operation: Operation, body: dict[str, object], **changes: object) -> Call:
    call = a_call(
        path=f"/v1/{operation.value}",
        body=orjson.dumps(body),
        operation=operation,
        stream=body.get("stream") is True,
    )
    return call.but(**changes)


async def body_of(reply: Reply) -> bytes:
    chunks = [chunk async for chunk in reply.body]
    body = b"".join(chunks)
    assert reply.headers.get("content-length") == str(len(body))
    return body


async def events_of(reply: Reply) -> list[bytes]:
    lines = (await body_of(reply)).split(b"\n\n")
    assert lines[-2:] == [b"data: [DONE]", b""]
    return [line.removeprefix(b"data: ") for line in lines[:-2]]


async def test_chat_is_answered_and_marked() -> None:
    reply = await MOCK.handle(asking(Operation.CHAT, CHAT))
    body = await body_of(reply)
    answer = ChatCompletion.model_validate_json(body, strict=True)
    said = answer.choices[0].message.content or ""
    assert "stand-in" in said
    assert "openai could not answer" in said
    assert answer.model == "gpt-4o"
    assert (reply.status, reply.source, reply.target) == (200, Source.MOCK, "mock")
    assert reply.degraded == "mock answer"
    assert b'"source":"mock"' in body


async def test_a_streamed_chat_says_the_same_in_pieces() -> None:
    whole = await MOCK.handle(asking(Operation.CHAT, CHAT))
    answer = ChatCompletion.model_validate_json(await body_of(whole))
    reply = await MOCK.handle(asking(Operation.CHAT, {**CHAT, "stream": True, "n": 2}))
    assert (reply.headers.get("content-type") or "").startswith("text/event-stream")
    said = ["", ""]
    for event in await events_of(reply):
        for choice in ChatCompletionChunk.model_validate_json(event, strict=True).choices:
            said[choice.index] += choice.delta.content or ""
    assert said == [answer.choices[0].message.content] * 2


async def test_completions_are_answered_plain_and_streamed() -> None:
    asked = {"model": "gpt-3.5-turbo-instruct", "prompt": "Once"}
    reply = await MOCK.handle(asking(Operation.COMPLETIONS, asked))
    answer = Completion.model_validate_json(await body_of(reply), strict=True)
    assert "stand-in" in answer.choices[0].text
    reply = await MOCK.handle(asking(Operation.COMPLETIONS, {**asked, "stream": True}))
    events = [Completion.construct(**orjson.loads(event)) for event in await events_of(reply)]
    assert "".join(event.choices[0].text for event in events) == answer.choices[0].text
    assert events[-1].choices[0].finish_reason == "stop"


async def test_embeddings_have_the_length_of_the_model_in_the_order_asked() -> None:
    asked = {"model": "text-embedding-3-small", "input": ["a", "b", "a"]}
    reply = await MOCK.handle(asking(Operation.EMBEDDINGS, asked))
    answer = CreateEmbeddingResponse.model_validate_json(await body_of(reply), strict=True)
    first, second, third = (item.embedding for item in answer.data)
    assert len(first) == 1536
    assert first == third != second
    assert sqrt(sum(number * number for number in first)) == pytest.approx(1, abs=1e-6)
    assert reply.source is Source.MOCK
    assert reply.headers.get("content-type") == "application/json"


async def test_made_up_embeddings_say_so_in_their_body_too() -> None:
    asked = {"model": "text-embedding-3-small", "input": "a"}
    reply = await MOCK.handle(asking(Operation.EMBEDDINGS, asked))
    assert orjson.loads(await body_of(reply))["understudy"] == {"source": "mock"}


async def test_many_long_embeddings_are_made_off_the_loop_all_the_same() -> None:
    texts = [str(number) for number in range(50)]
    asked = {"model": "text-embedding-3-large", "input": texts, "encoding_format": "base64"}
    reply = await MOCK.handle(asking(Operation.EMBEDDINGS, asked))
    answer = orjson.loads(await body_of(reply))
    assert len({item["embedding"] for item in answer["data"]}) == 50


@pytest.mark.parametrize(
    ("operation", "body", "changes"),
    [
        (Operation.OTHER, CHAT, {}),
        (Operation.MODELS, {}, {"method": "GET"}),
        (Operation.CHAT, CHAT, {"method": "DELETE"}),
        (Operation.CHAT, {**CHAT, "response_format": {"type": "json_object"}}, {}),
        (Operation.CHAT, {}, {}),
        (Operation.EMBEDDINGS, {"model": "text-embedding-3-small", "input": [[1, 2]]}, {}),
        (Operation.EMBEDDINGS, {"model": "some-model", "input": "a"}, {}),
    ],
)
async def test_what_words_or_signs_cannot_answer_is_refused_with_a_reason(
    operation: Operation, body: dict[str, object], changes: dict[str, object]
) -> None:
    with pytest.raises(Unfit) as refused:
        await MOCK.handle(asking(operation, body, **changes))
    assert refused.value.message
    assert not refused.value.sent
