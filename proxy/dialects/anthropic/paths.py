"""What a request line asks for, and what it says of the model.

POST .../v1/messages                                                    chat
POST .../v1/messages/count_tokens                                       count_tokens
POST .../v1/complete                                                    completions
POST .../publishers/anthropic/models/NAME:rawPredict, :streamRawPredict chat on Vertex
GET  .../v1/models, .../v1/models/NAME                                  models
"""

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Asked
from proxy.dialects.named_paths import named_in, renamed
from proxy.dialects.openai import asked as bodies

_POSTS = (
    ("/messages", Operation.CHAT),
    ("/messages/count_tokens", Operation.COUNT_TOKENS),
    ("/complete", Operation.COMPLETIONS),
)
_VERBS = {"rawPredict": False, "streamRawPredict": True}  # whether it asks for a stream
_COUNTING = "count-tokens"
"""Stands where the model does when a count of tokens is asked for; the body names the model."""


def recognise(method: str, path: str) -> Operation:
    """The operation of `method` on `path`, whatever comes before the API's own part of it and
    whatever query follows."""
    path = path.partition("?")[0]
    if method == "POST":
        named = named_in(path)
        if named is not None and named.verb in _VERBS:
            counts = named.model == _COUNTING
            return Operation.COUNT_TOKENS if counts else Operation.CHAT
        for ending, operation in _POSTS:
            if path.endswith(ending):
                return operation
    elif method == "GET":
        collection, _, last = path.rpartition("/")
        if last == "models" or (last and collection.endswith("/models")):
            return Operation.MODELS
    return Operation.OTHER


def read(path: str, body: bytes) -> Asked:
    """The model and whether a stream is wanted; on Vertex, the path says both."""
    found = bodies.read(body)
    named = named_in(path.partition("?")[0])
    if named is None or named.verb not in _VERBS or named.model == _COUNTING:
        return found
    return Asked(named.model, found.stream or _VERBS[named.verb])


def readdress(path: str, model: str) -> str:
    """`path` for another model. `Unfit` where it is Vertex's and cannot be changed."""
    if named_in(path) is None:
        return path  # the body names the model
    changed = renamed(path, model)
    if changed is None:
        raise Unfit("the path of the request names no model that could be changed")
    return changed
