"""The target `local` answers in OpenAI's form, or says why it cannot."""

import base64
from collections.abc import AsyncIterator

import numpy as np
import orjson
import pytest
from openai.types import CreateEmbeddingResponse

from proxy.core.call import Call, Operation
from proxy.core.clock import SystemClock
from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.core.reply import Reply, Source
from proxy.dialects.recognise import dialect_named
from proxy.embeddings.encoder import Model
from proxy.embeddings.handler import Encode
from proxy.embeddings.lanes import MOST_TEXTS
from proxy.embeddings.model import LocalModel
from proxy.embeddings.model_files import ModelUnusable
from proxy.policy.schema import Backend
from tests.calls import Heard, a_call
from tests.embeddings.fake import FakeEncoder, fake_model


@pytest.fixture
async def encode(real: Model) -> AsyncIterator[Encode]:
    local = LocalModel(Backend(), SystemClock(), Heard(), lambda name: real)
    yield Encode(local, dialect_named("openai"))
    await local.close()


def asking(operation: Operation = Operation.EMBEDDINGS, **body: object) -> Call:
    return a_call(
        path="/v1/embeddings",
        body=orjson.dumps({"model": "text-embedding-3-small", "input": "hello"} | body),
        operation=operation,
        model="text-embedding-3-small",
    )


async def body_of(reply: Reply) -> bytes:
    body = b"".join([chunk async for chunk in reply.body])
    assert reply.headers.get("content-length") == str(len(body))
    return body


async def test_floats(encode: Encode) -> None:
    reply = await encode.handle(asking(input=["hello", "Where is it?"]))
    assert (reply.status, reply.source, reply.target) == (200, Source.LOCAL, "local")
    assert reply.degraded == "another vector space: all-MiniLM-L6-v2, 384 dimensions"
    assert reply.headers.get("content-type") == "application/json"
    answer = CreateEmbeddingResponse.model_validate_json(await body_of(reply), strict=True)
    assert answer.model == "all-MiniLM-L6-v2"
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 3 + 6
    assert [datum.index for datum in answer.data] == [0, 1]
    assert all(len(datum.embedding) == 384 for datum in answer.data)
    assert np.linalg.norm(answer.data[1].embedding) == pytest.approx(1, abs=1e-6)


async def test_base64_has_the_same_floats(encode: Encode) -> None:
    plain = orjson.loads(await body_of(await encode.handle(asking())))
    packed = orjson.loads(await body_of(await encode.handle(asking(encoding_format="base64"))))
    unpacked = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4")
    assert np.allclose(unpacked, plain["data"][0]["embedding"], rtol=0, atol=1e-9)


async def test_a_large_answer(encode: Encode) -> None:
    answer = orjson.loads(await body_of(await encode.handle(asking(input=["hi"] * 200))))
    assert len(answer["data"]) == 200


async def test_the_model_that_was_asked_for_is_no_stand_in(encode: Encode) -> None:
    reply = await encode.handle(asking(model="sentence-transformers/all-MiniLM-L6-v2"))
    assert reply.degraded == ""


async def test_its_own_dimensions_may_be_asked_for(encode: Encode) -> None:
    assert (await encode.handle(asking(dimensions=384))).status == 200
    with pytest.raises(Unfit) as refused:
        await encode.handle(asking(dimensions=256))
    assert refused.value.message == (
        "dimensions=256 was asked; all-MiniLM-L6-v2 makes 384: "
        "leave `dimensions` out or ask for 384"
    )
    assert refused.value.target == "local"


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.MODELS, Operation.OTHER])
async def test_other_operations(encode: Encode, operation: Operation) -> None:
    with pytest.raises(Unfit, match="local makes embeddings only"):
        await encode.handle(asking(operation))


async def test_token_numbers_are_refused_before_any_model_is_read() -> None:
    local = LocalModel(Backend(), SystemClock(), Heard())
    with pytest.raises(Unfit, match="token numbers"):
        await Encode(local, dialect_named("openai")).handle(asking(input=[[1, 2], [3]]))
    assert local.lanes.model is None
    await local.close()


async def test_failures_of_the_model_go_through() -> None:
    def read(name: str) -> Model:
        raise ModelUnusable("it is not installed")

    local = LocalModel(Backend(), SystemClock(), Heard(), read)
    with pytest.raises(Failure, match="it is not installed") as failed:
        await Encode(local, dialect_named("openai")).handle(asking())
    assert failed.value.kind is FailureKind.UNAVAILABLE
    await local.close()
    assert MOST_TEXTS >= 2 * 2048  # the largest request of OpenAI's API is never refused for itself


async def test_a_name_that_no_header_can_carry() -> None:
    encoder = FakeEncoder()
    encoder.gate.set()
    model = fake_model(encoder, "modèle\n")
    local = LocalModel(Backend(), SystemClock(), Heard(), lambda name: model)
    reply = await Encode(local, dialect_named("openai")).handle(asking())
    assert reply.degraded == "another vector space: mod?le?, 2 dimensions"
    await local.close()


async def test_the_tree_can_be_printed(encode: Encode) -> None:
    assert repr(encode) == "Encode(local=LocalModel('all-MiniLM-L6-v2'))"
