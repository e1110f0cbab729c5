"""Only finished answers without a refusal are kept for others."""

import gzip
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.dialects.judging import MOST_PARSED_BYTES
from proxy.dialects.openai.keep import whole

NONE: CIMultiDict[str] = CIMultiDict()


def kept(body: bytes, streamed: bool = False, operation: Operation = Operation.CHAT) -> bool:
    return whole(operation, NONE, body, streamed)


def answer(*finishes: str | None, **message: Any) -> bytes:
    choices = [
        {"index": index, "message": message, "finish_reason": finish}
        for index, finish in enumerate(finishes)
    ]
    return orjson.dumps({"choices": choices})


def events(*choices: dict[str, Any], done: bool = True) -> bytes:
    told = b"".join(b"data: " + orjson.dumps({"choices": [c]}) + b"\n\n" for c in choices)
    return told + (b"data: [DONE]\n\n" if done else b"")


def piece(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


@pytest.mark.parametrize(
    ("body", "keep"),
    [
        (answer("stop"), True),
        (answer("tool_calls", "stop"), True),
        (answer("function_call"), True),
        (answer("stop", "length"), False),
        (answer("content_filter"), False),
        (answer(None), False),
        (answer(), False),
        (answer("stop", refusal="no"), False),
        (answer("stop", refusal=None), True),
        (b'{"error": {"message": "x"}, "choices": [{"finish_reason": "stop"}]}', False),
        (b"", False),
    ],
)
def test_plain(body: bytes, keep: bool) -> None:
    assert kept(body) is keep


@pytest.mark.parametrize(
    ("body", "keep"),
    [
        (events(piece(content="a"), piece(finish="stop")), True),
        (events(piece(content="a"), piece(finish="stop"), done=False), False),
        (events(piece(content="a")), False),
        (events(piece(content="a"), piece(finish="length")), False),
        (events(piece(refusal="no"), piece(finish="stop")), False),
        (events(piece(0, "stop"), piece(1, content="b")), False),
        (events(piece(0, "stop"), piece(1, "stop")), True),
        (events(piece(finish="stop"), done=False) + b'data: {"error": {"code": 1}}\n\n', False),
        (events(), False),
        (b"data: {cut\n\n" + events(piece(finish="stop")), False),
        (b"", False),
    ],
)
def test_streams(body: bytes, keep: bool) -> None:
    assert kept(body, streamed=True) is keep


def test_other_operations() -> None:
    assert kept(b'{"data": [{"embedding": []}]}', operation=Operation.EMBEDDINGS)
    assert not kept(b'{"data": []}', operation=Operation.EMBEDDINGS)
    assert not kept(b'{"data": [{}]}', operation=Operation.MODELS)
    assert not kept(answer("stop"), operation=Operation.OTHER)


def test_what_is_shut_or_broken_is_not_kept() -> None:
    for coding in ("br", "gzip"):
        headers = CIMultiDict({"content-encoding": coding})
        assert not whole(Operation.CHAT, headers, answer("stop"), False)


def test_large_answers() -> None:
    """Vectors are worth keeping; of words, so many are hardly ever asked for again."""
    vectors = b'{"data": [{"embedding": [' + b"0.5, " * MOST_PARSED_BYTES + b"0.5]}]}"
    assert kept(vectors, operation=Operation.EMBEDDINGS)
    assert not kept(vectors[:-2] + b", ", operation=Operation.EMBEDDINGS)
    packed = CIMultiDict({"content-encoding": "gzip"})
    assert whole(Operation.EMBEDDINGS, packed, gzip.compress(vectors), False)
    assert not kept(answer("stop", content="word " * MOST_PARSED_BYTES))
