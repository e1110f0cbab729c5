"""Under which name an answer is kept: everything that could make two answers differ, hashed."""

from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter

import orjson

from proxy.core.call import Call

KEY_BYTES = 32
_PERSON = b"understudy/exact"
_NAME = itemgetter(0)

_SHAPING = frozenset(("accept", "accept-encoding", "content-encoding", "content-type", "origin"))
"""Headers that decide over the form of an answer's bytes or fields: its type and compression, how
our body is to be read, and (`origin`) whom it names in `Access-Control-Allow-Origin`."""
_SHAPING_FAMILIES = ("openai-", "anthropic-")
"""Headers by which providers switch versions, betas, organisations and projects."""


def exact_key(call: Call, credential_headers: frozenset[str], plan: str) -> bytes:
    """`KEY_BYTES` bytes, equal only for calls that any provider would have to treat alike.

    Covered are method, upstream, path and query, body, the credentials of the caller (by their
    hash: what is kept never holds them in clear), the headers that shape an answer, and `plan`, a
    name of all that the route changes on the way. The order of differently named headers, and the
    case of names, make no difference. All but the body are spelled as one array, whose quotes and
    brackets let no part run into the next.
    """
    shaping = [
        (lower, value)
        for name, value in call.headers.items()
        if (lower := _shaping(name, credential_headers))
    ]
    shaping.sort(key=_NAME)  # stable: fields of one name keep their order, which has a meaning
    parts = (plan, call.method, call.upstream, call.path, shaping)
    try:
        head = orjson.dumps(parts)
    except orjson.JSONEncodeError:  # bytes that are no UTF-8: JSON cannot spell them, Python can
        head = ascii(parts).encode("ascii")
    key = blake2b(head, digest_size=KEY_BYTES, person=_PERSON)
    key.update(call.body)
    return key.digest()


@lru_cache(maxsize=1024)  # an app sends the same few names for ever
def _shaping(name: str, credential_headers: frozenset[str]) -> str:
    """`name` in lower case where that header counts; else nothing."""
    lower = name.lower()
    counts = lower in credential_headers or lower in _SHAPING or lower.startswith(_SHAPING_FAMILIES)
    return lower if counts else ""
