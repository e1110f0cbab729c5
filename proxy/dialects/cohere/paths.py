"""What a request line asks for."""

import re
from collections.abc import Mapping

from proxy.core.call import Operation

_VERSIONED = re.compile(r".*/v[12]/([a-z-]+)(/[^/]+)?", re.DOTALL)
_POSTS: Mapping[str, Operation] = {
    "chat": Operation.CHAT,
    "generate": Operation.COMPLETIONS,
    "embed": Operation.EMBEDDINGS,
    "rerank": Operation.RERANK,
}


def recognise(method: str, path: str) -> Operation:
    """The operation of `method` on `path`, whatever comes before the version."""
    found = _VERSIONED.fullmatch(path.partition("?")[0])
    if found is None:
        return Operation.OTHER
    if method == "POST" and found[2] is None:
        return _POSTS.get(found[1], Operation.OTHER)
    return Operation.MODELS if method == "GET" and found[1] == "models" else Operation.OTHER
