"""What a request line asks for: /model/{id}/{action}, where the id may hold `:` and `%3A`."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from proxy.core.call import Operation

_ACTION = re.compile(r"[a-z-]+")
_CONVERSE = frozenset(("converse", "converse-stream"))
_INVOKE = frozenset(("invoke", "invoke-with-response-stream"))
_STREAMS = frozenset(("converse-stream", "invoke-with-response-stream"))
_PICTURES = re.compile(r"stability\.|image|canvas|reel|\bray-|video", re.IGNORECASE)


class Asked(NamedTuple):
    """What such a path says; the bytes of it are nobody's to change, since they are signed."""

    model: str
    stream: bool
    operation: Operation


def asked_by(path: str) -> Asked | None:
    """What `path` asks of a model; None where it asks none."""
    name, _, action = path.partition("?")[0].partition("/model/")[2].rpartition("/")
    if not name or not _ACTION.fullmatch(action):
        return None
    model = unquote(name)
    if action in _CONVERSE:
        operation = Operation.CHAT
    elif action in _INVOKE:
        operation = _by_model(model)
    else:
        operation = Operation.COUNT_TOKENS if action == "count-tokens" else Operation.OTHER
    return Asked(model, action in _STREAMS, operation)


def recognise(method: str, path: str) -> Operation:
    """The operation of `method` on `path`, whatever comes before the API's own part of it."""
    asked = asked_by(path) if method == "POST" else None
    return Operation.OTHER if asked is None else asked.operation


def _by_model(model: str) -> Operation:
    """InvokeModel serves every model alike, and only its name tells what it makes."""
    if "embed" in model or "marengo" in model:
        return Operation.EMBEDDINGS
    if "rerank" in model:
        return Operation.RERANK
    return Operation.OTHER if _PICTURES.search(model) else Operation.CHAT
