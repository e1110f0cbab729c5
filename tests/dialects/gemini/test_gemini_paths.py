"""Requests of Gemini's API, also on Vertex: what they ask for, of which model, and another."""

import orjson
import pytest

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Asked
from proxy.dialects.gemini.dialect import Gemini

DIALECT = Gemini()
VERTEX = "/v1/projects/p/locations/l/publishers/google/models"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v1beta/models/gemini-x:generateContent", "chat"),
        ("POST", "/v1/models/gemini-x:streamGenerateContent?alt=sse", "chat"),
        ("POST", "/v1beta/tunedModels/mine:generateContent", "chat"),
        ("POST", f"{VERTEX}/gemini-x:generateContent", "chat"),
        ("POST", "/v1beta1/publishers/google/models/gemini-x:streamGenerateContent", "chat"),
        ("POST", "/v1beta/models/gemini-embedding-001:embedContent", "embeddings"),
        ("POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents", "embeddings"),
        ("POST", f"{VERTEX}/text-embedding-005:predict", "embeddings"),
        ("POST", f"{VERTEX}/imagen-4:predict", "other"),
        ("POST", "/v1beta/models/gemini-x:countTokens", "count_tokens"),
        ("POST", "/v1beta/models/gemini-x:batchGenerateContent", "other"),
        ("POST", "/v1beta/models/veo:predictLongRunning", "other"),
        ("POST", "/v1beta/interactions", "other"),
        ("POST", "/v1beta/openai/chat/completions", "other"),
        ("POST", "/upload/v1beta/files", "other"),
        ("GET", "/v1beta/models?pageSize=3", "models"),
        ("GET", "/v1beta/models/gemini-x", "models"),
        ("GET", "/v1beta/models/veo/operations/x", "other"),
        ("GET", "/v1beta/files/x:download?alt=media", "other"),
    ],
)
def test_recognise(method: str, path: str, operation: str) -> None:
    assert DIALECT.recognise(method, path) is Operation(operation)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1beta/models/m:generateContent?key=k", Asked("m")),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", Asked("m", True)),
        ("/v1beta/models/m:streamGenerateContent", Asked("m", True)),
        (f"{VERTEX}/m:generateContent", Asked("m")),
        ("/v1beta/models", Asked()),
    ],
)
def test_read(path: str, asked: Asked) -> None:
    assert DIALECT.read(Operation.CHAT, path, b'{"model": "other", "stream": true}') == asked


def test_another_model_and_settings() -> None:
    path = "/gemini/v1beta/models/m:streamGenerateContent?alt=sse"
    assert DIALECT.readdress(path, "n") == path.replace("/m:", "/n:")
    with pytest.raises(Unfit):
        DIALECT.readdress("/v1beta/interactions", "n")
    body = b'{"contents":[],"generationConfig":{"topK":1}}'
    assert DIALECT.rewrite(body, "n", {}) == body
    changed = DIALECT.rewrite(body, "n", {"generationConfig": {"temperature": 0}})
    assert orjson.loads(changed) == {"contents": [], "generationConfig": {"temperature": 0}}


def test_keys() -> None:
    assert DIALECT.sign("AIzaX") == (("x-goog-api-key", "AIzaX"),)
    assert DIALECT.sign("ya29.x") == (("Authorization", "Bearer ya29.x"),)
    assert {"x-goog-api-key", "authorization"} <= DIALECT.credential_headers
