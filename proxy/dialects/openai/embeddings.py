"""Requests for embeddings, and their answers made of vectors that came from elsewhere."""

import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from proxy.core.failure import Unfit
from proxy.dialects.dialect import Texts
from proxy.dialects.objects import object_in

MOST_TEXTS = 2048
"""OpenAI's own limit of `input` (platform.openai.com/docs/api-reference/embeddings)."""


def texts(body: bytes) -> Texts:
    """What the request wants vectors of. `Unfit` for what OpenAI refuses too (no input, an empty
    text, too many), and for token numbers, which mean something to OpenAI's own models alone."""
    asked = object_in(body)
    if asked is None:
        raise Unfit("the request's body is no JSON object")
    model, dimensions = asked.get("model"), asked.get("dimensions")
    form = asked.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise Unfit(f"encoding_format must be float or base64, not {str(form)[:40]!r}")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise Unfit("dimensions must be a whole number of 1 or more")
    return Texts(
        texts=_texts_of(asked.get("input")),
        model=model if isinstance(model, str) else "",
        dimensions=dimensions,
        base64=form == "base64",
    )


def _texts_of(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        raise Unfit("input must be a text, or a list of at least one text")
    if len(given) > MOST_TEXTS:
        raise Unfit(f"input has {len(given)} texts; at most {MOST_TEXTS} are allowed")
    for text in given:
        if isinstance(text, int | list):
            raise Unfit("input is token numbers, which only the model they were made for can read")
        if not isinstance(text, str) or not text:
            raise Unfit("input must be texts that are not empty")
    return tuple(given)


def vectors(asked: Texts, vectors: Sequence[bytes], model: str, tokens: int, mark: str) -> bytes:
    """The body of an answer with `vectors` (little-endian float32, one a text, in order), as JSON
    numbers or in base64 as `asked`. `tokens` is how many were read, `mark` who made them."""
    spell = _in_base64 if asked.base64 else _as_numbers
    return orjson.dumps(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": spell(vector)}
                for index, vector in enumerate(vectors)
            ],
            "model": model,
            "understudy": {"source": mark},
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _in_base64(vector: bytes) -> str:
    return b64encode(vector).decode("ascii")


def _as_numbers(vector: bytes) -> list[float]:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
