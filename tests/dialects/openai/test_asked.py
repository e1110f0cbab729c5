"""Requests are read without trust, and rewritten without touching what was given."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Asked
from proxy.dialects.openai.asked import read, rewrite


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"model": "m", "stream": true}', Asked("m", True)),
        (b' \n{"model": "m", "stream": false}', Asked("m")),
        (b'{"model": 7, "stream": "true"}', Asked()),
        (b'{"model": "m"', Asked()),
        (b'["m"]', Asked()),
        (b"--boundary", Asked()),
        (b"", Asked()),
    ],
)
def test_read(body: bytes, asked: Asked) -> None:
    assert read(body) == asked


def test_what_is_begun_and_fetched_later_is_kept() -> None:
    """xAI's deferred completions."""
    assert read(b'{"model": "m", "deferred": true}', Operation.CHAT) == Asked("m", stateful=True)


@given(st.binary())
def test_read_anything(body: bytes) -> None:
    assert isinstance(read(body), Asked)


def test_rewrite() -> None:
    body = b'{"model":"a","max_tokens":9,"seed":1,"x":{"y":[1,null]}}'
    changed = rewrite(body, "b", {"max_tokens": 5, "seed": None, "temperature": 0.2})
    assert orjson.loads(changed) == {
        "model": "b",
        "max_tokens": 5,
        "x": {"y": [1, None]},
        "temperature": 0.2,
    }
    assert rewrite(body, None, {}) is body


def test_rewrite_of_what_is_too_deep() -> None:
    with pytest.raises(Unfit, match="nested too deeply"):
        rewrite(b'{"messages":' + b"[" * 300 + b"]" * 300 + b"}", "b", {})


@pytest.mark.parametrize("body", [b"", b"[]", b"--form", b'{"model":'])
def test_rewrite_needs_an_object(body: bytes) -> None:
    with pytest.raises(Unfit, match="no JSON object"):
        rewrite(body, "b", {})
