"""Requests of Anthropic's API, also on Vertex: what they ask for, of which model, and another."""

import orjson
import pytest

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.anthropic.dialect import Anthropic
from proxy.dialects.dialect import Asked

DIALECT = Anthropic()
VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v1/messages", "chat"),
        ("POST", "/v1/messages?beta=true", "chat"),
        ("POST", "/gateway/anthropic/v1/messages", "chat"),
        ("POST", "/v1/complete", "completions"),
        ("POST", "/v1/messages/count_tokens?beta=true", "count_tokens"),
        ("POST", "/v1/messages/batches", "other"),
        ("GET", "/v1/messages/batches/x/results", "other"),
        ("GET", "/v1/models?limit=3", "models"),
        ("GET", "/v1/models/claude-x", "models"),
        ("GET", "/v1/messages", "other"),
        ("POST", "/v1/files", "other"),
        ("POST", "/v1/chat/completions", "other"),
        ("POST", f"{VERTEX}/claude-x@1:rawPredict", "chat"),
        ("POST", f"{VERTEX}/claude-x@1:streamRawPredict", "chat"),
        ("POST", f"{VERTEX}/count-tokens:rawPredict", "count_tokens"),
        ("POST", f"{VERTEX}/claude-x@1:predict", "other"),
        ("GET", "", "other"),
    ],
)
def test_recognise(method: str, path: str, operation: str) -> None:
    assert DIALECT.recognise(method, path) is Operation(operation)


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("/v1/messages", b'{"model": "m", "stream": true}', Asked("m", True)),
        ("/v1/messages", b"{", Asked()),
        (f"{VERTEX}/c@1:rawPredict", b"{}", Asked("c@1")),
        (f"{VERTEX}/c%401:streamRawPredict?x", b'{"stream": true}', Asked("c@1", True)),
        (f"{VERTEX}/c@1:streamRawPredict", b"\x00", Asked("c@1", True)),
        (f"{VERTEX}/count-tokens:rawPredict", b'{"model": "m"}', Asked("m")),
    ],
)
def test_read(path: str, body: bytes, asked: Asked) -> None:
    assert DIALECT.read(Operation.CHAT, path, body) == asked


def test_another_model_of_the_body() -> None:
    assert DIALECT.readdress("/v1/messages", "n") == "/v1/messages"
    changed = DIALECT.rewrite(b'{"model":"m","top_k":1}', "n", {"max_tokens": 5, "top_k": None})
    assert orjson.loads(changed) == {"model": "n", "max_tokens": 5}
    with pytest.raises(Unfit):
        DIALECT.rewrite(b"[]", "n", {})


def test_another_model_of_the_path() -> None:
    assert DIALECT.readdress(f"{VERTEX}/c@1:rawPredict", "n@2") == f"{VERTEX}/n@2:rawPredict"
    body = b'{"anthropic_version":"vertex-2023-10-16"}'
    assert DIALECT.rewrite(body, "n@2", {}) == body


def test_keys() -> None:
    assert DIALECT.sign("k") == (("x-api-key", "k"), ("anthropic-version", "2023-06-01"))
    assert "x-api-key" in DIALECT.credential_headers
