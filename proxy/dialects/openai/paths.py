"""What a request line asks for."""

from proxy.core.call import Operation

_POSTS = (
    # Longest first: chat completions end like completions.
    ("/async/chat/completions", Operation.OTHER),  # Perplexity's: a job that is begun, no answer
    ("/chat/completions", Operation.CHAT),
    ("/completions", Operation.COMPLETIONS),
    ("/responses", Operation.RESPONSES),
    ("/embeddings", Operation.EMBEDDINGS),
    ("/moderations", Operation.MODERATIONS),
    ("/rerank", Operation.RERANK),  # of Jina, Voyage, Together, vLLM
)


def recognise(method: str, path: str) -> Operation:
    """The operation of `method` on `path`, whatever comes before the API's own part of it (`/v1`,
    `/openai/v1`, `/api/v1`, an Azure deployment) and whatever query follows."""
    path = path.partition("?")[0]
    if method == "POST":
        for ending, operation in _POSTS:
            if path.endswith(ending):
                return operation
    elif method == "GET":
        collection, _, last = path.rpartition("/")
        if last == "models" or (last and collection.endswith("/models")):
            return Operation.MODELS
    return Operation.OTHER
