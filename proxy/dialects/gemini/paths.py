"""What a request line asks for, and the model, which only the path names.

POST .../models/NAME:generateContent, :streamGenerateContent    chat
POST .../models/NAME:embedContent, :batchEmbedContents          embeddings
POST .../models/NAME-embedding-NAME:predict                     embeddings on Vertex
POST .../models/NAME:countTokens                                count_tokens
GET  .../models, .../models/NAME                                models
"""

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Asked
from proxy.dialects.named_paths import named_in, renamed

_VERBS = {
    "generateContent": Operation.CHAT,
    "streamGenerateContent": Operation.CHAT,
    "embedContent": Operation.EMBEDDINGS,
    "batchEmbedContents": Operation.EMBEDDINGS,
    "countTokens": Operation.COUNT_TOKENS,
}
_STREAMED = "streamGenerateContent"
_ANY_MODELS = "predict"
"""What Vertex asks of models of all sorts: of those that make vectors, and of those that paint."""


def recognise(method: str, path: str) -> Operation:
    """The operation of `method` on `path`, whatever comes before the API's own part of it and
    whatever query follows."""
    path = path.partition("?")[0]
    if method == "POST" and (named := named_in(path)) is not None:
        if named.verb == _ANY_MODELS and "embedding" in named.model:
            return Operation.EMBEDDINGS
        return _VERBS.get(named.verb, Operation.OTHER)
    if method == "GET":
        collection, _, last = path.rpartition("/")
        if last == "models" or (last and collection.endswith("/models")):
            return Operation.MODELS
    return Operation.OTHER


def read(path: str) -> Asked:
    """The model and whether a stream is wanted."""
    named = named_in(path.partition("?")[0])
    return Asked() if named is None else Asked(named.model, named.verb == _STREAMED)


def readdress(path: str, model: str) -> str:
    """`path` for another model. `Unfit` where it names none."""
    changed = renamed(path, model)
    if changed is None:
        raise Unfit("the path of the request names no model that could be changed")
    return changed
