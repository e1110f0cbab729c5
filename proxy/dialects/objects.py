"""Foreign JSON."""

from json import JSONDecodeError, JSONDecoder
from typing import Any

import orjson

_END_BYTES = 4096
"""Of a body that is too large to read: enough for an object of counts and their details."""


def object_in(body: bytes) -> dict[str, Any] | None:
    """The JSON object that `body` is, with whatever it holds; None when it is anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def json_of(document: Any) -> bytes | None:
    """The bytes of what was read as JSON; None where it is nested more deeply than can be written:
    orjson reads 1,024 levels and writes 254."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return None


def last_object(body: bytes, name: str) -> dict[str, Any] | None:
    """The last object called `name` that begins near the end of JSON; None where there is none."""
    end = body[-_END_BYTES:].decode("utf-8", "replace")
    after = end.rpartition(f'"{name}"')[2].lstrip(": \t\r\n")
    if not after.startswith("{"):
        return None
    try:
        found, _ = JSONDecoder().raw_decode(after)
    except (JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
