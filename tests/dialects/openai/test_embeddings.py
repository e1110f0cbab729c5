"""Requests for embeddings are read, and answers made that the official SDK reads back."""

import struct
from typing import Any

import orjson
import pytest
from openai.types import CreateEmbeddingResponse

from proxy.core.failure import Unfit
from proxy.dialects.dialect import Texts
from proxy.dialects.openai.embeddings import texts, vectors
from tests.dialects.openai.sdk import client


def asked(**fields: Any) -> Texts:
    return texts(orjson.dumps({"model": "m", **fields}))


def test_texts() -> None:
    assert asked(input="one") == Texts(("one",), "m")
    assert asked(input=["a", "b"], dimensions=8, encoding_format="base64") == Texts(
        ("a", "b"), "m", dimensions=8, base64=True
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "input"),
        ({"input": []}, "at least one"),
        ({"input": ""}, "not empty"),
        ({"input": ["a", ""]}, "not empty"),
        ({"input": ["a", None]}, "not empty"),
        ({"input": {"a": 1}}, "input"),
        ({"input": [1, 2]}, "token numbers"),
        ({"input": [[1, 2]]}, "token numbers"),
        ({"input": ["a"] * 2049}, "2049"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        asked(**fields)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Unfit):
        texts(b"nothing")


@pytest.mark.parametrize("base64", [False, True])
def test_vectors(base64: bool) -> None:
    given = [[0.1, -0.25, 3.0], [1e-9, 0.0, -1.0]]
    packed = [struct.pack("<3f", *numbers) for numbers in given]
    body = vectors(Texts(("a", "b"), "asked", base64=base64), packed, "made", 7, "local")
    assert orjson.loads(body)["understudy"] == {"source": "local"}
    if base64:  # what the SDK asks for by itself, and decodes
        sdk = client(body, "application/json")
        answer = sdk.embeddings.create(model="m", input=["a", "b"])
    else:
        answer = CreateEmbeddingResponse.model_validate(orjson.loads(body), strict=True)
    assert (answer.object, answer.model) == ("list", "made")
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (7, 7)
    assert [item.index for item in answer.data] == [0, 1]
    assert {item.object for item in answer.data} == {"embedding"}
    for item, wanted in zip(answer.data, packed, strict=True):
        assert struct.pack("<3f", *item.embedding) == wanted
