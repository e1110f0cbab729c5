"""Requests: the same for another model, and for the rest of an answer."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.objects import object_in
from proxy.dialects.openai import asked


def rewrite(body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
    """A new body with `model`, if given and if the body is where it stands (Vertex has it in the
    path), and each of `changes` in the place of what was asked; a change to None takes the setting
    out. `Unfit` where the body is no JSON object."""
    if model is not None and "model" not in (object_in(body) or ("model",)):
        model = None
    return asked.rewrite(body, model, changes)
