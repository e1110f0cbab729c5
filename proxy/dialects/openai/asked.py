"""Requests: what they say of themselves, and the same for another model."""

from collections.abc import Mapping
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import Unfit
from proxy.dialects.dialect import Asked
from proxy.dialects.objects import json_of, object_in
from proxy.dialects.openai.responses import keeps

_NOTHING = Asked()


def read(body: bytes, operation: Operation = Operation.OTHER) -> Asked:
    """The model and whether a stream is wanted; nothing where the body is no JSON object."""
    if body[:1] not in (b"{", b" ", b"\n", b"\r", b"\t"):  # a form, a file, no body: not worth it
        return _NOTHING
    asked = object_in(body)
    if asked is None:
        return _NOTHING
    model = asked.get("model")
    return Asked(
        model if isinstance(model, str) else None,
        asked.get("stream") is True,
        keeps(asked) if operation is Operation.RESPONSES else asked.get("deferred") is True,  # xAI
    )


def rewrite(body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
    """A new body with `model`, if given, and each of `changes` in the place of what was asked; a
    change to None takes the setting out. `Unfit` where the body is no JSON object, or too deep."""
    if model is None and not changes:
        return body
    asked = object_in(body)
    if asked is None:
        raise Unfit("the request's body is no JSON object, so it cannot be changed for this target")
    if model is not None:
        asked["model"] = model
    for setting, value in changes.items():
        if value is None:
            asked.pop(setting, None)
        else:
            asked[setting] = value
    written = json_of(asked)
    if written is None:
        raise Unfit("the request's body is nested too deeply to be changed for this target")
    return written
