"""Operations are told by method and path, whatever stands before and behind."""

import pytest

from proxy.core.call import Operation
from proxy.dialects.openai.paths import recognise


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v1/chat/completions", Operation.CHAT),
        ("POST", "/api/v1/chat/completions?x=1/embeddings", Operation.CHAT),
        ("POST", "/openai/deployments/gpt/chat/completions?api-version=1", Operation.CHAT),
        ("POST", "/chat/completions", Operation.CHAT),
        ("POST", "/async/chat/completions", Operation.OTHER),
        ("POST", "/v1/completions", Operation.COMPLETIONS),
        ("POST", "/openai/v1/embeddings", Operation.EMBEDDINGS),
        ("GET", "/v1/models", Operation.MODELS),
        ("GET", "/v1/models?limit=3", Operation.MODELS),
        ("GET", "/v1/models/gpt-4o", Operation.MODELS),
        ("GET", "/v1/chat/completions", Operation.OTHER),
        ("GET", "/v1/chat/completions/chatcmpl-1", Operation.OTHER),
        ("GET", "/v1/organization/usage/completions", Operation.OTHER),
        ("DELETE", "/v1/models/ft:gpt", Operation.OTHER),
        ("POST", "/v1/models", Operation.OTHER),
        ("GET", "/v1/models/", Operation.OTHER),
        ("POST", "/v1/responses", Operation.RESPONSES),
        ("POST", "/v1/responses/resp_1/cancel", Operation.OTHER),
        ("GET", "/v1/responses/resp_1", Operation.OTHER),
        ("POST", "/v1/moderations", Operation.MODERATIONS),
        ("POST", "/v1/rerank", Operation.RERANK),
        ("POST", "/v1/fine_tuning/jobs", Operation.OTHER),
        ("POST", "/v1/batches", Operation.OTHER),
        ("POST", "/v1/threads/t/runs", Operation.OTHER),
        ("POST", "/v1/xcompletions", Operation.OTHER),
        ("GET", "", Operation.OTHER),
    ],
)
def test_recognise(method: str, path: str, operation: Operation) -> None:
    assert recognise(method, path) is operation
