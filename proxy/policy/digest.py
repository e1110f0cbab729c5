"""One short word for what a policy set says, the same wherever and however it is written."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from re import Pattern
from typing import Any

from pydantic import BaseModel

from proxy.policy.secret import Secret
from proxy.policy.tls import Tls

_LENGTH = 16


def digest(*parts: Any) -> str:
    """The first 16 hexadecimal digits of a SHA-256 of `parts`: frozen types, mappings, words.

    Keys go in as a hash of their own, so the text that is hashed never holds one. Of the files for
    TLS counts what is in them, not where they lie.
    """
    text = json.dumps(_plain(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_LENGTH]


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return hashlib.sha256(value.reveal().encode()).hexdigest()
    if isinstance(value, Tls):
        return value.content
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.pattern if isinstance(value, Pattern) else value
