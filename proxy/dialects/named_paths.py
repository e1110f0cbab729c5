"""Paths that name the model, and after a colon what is asked of it.

/v1beta/models/gemini-2.5-flash:generateContent                                   Gemini
/v1/projects/P/locations/L/publishers/anthropic/models/claude-x@1:rawPredict      Vertex
/v1/projects/P/locations/L/endpoints/7:predict                                    Vertex
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

_PATH = re.compile(
    r"(?P<start>[^?]*?/(?P<kind>models|tunedModels|endpoints)/)"
    r"(?P<model>[^?]+?)(?P<end>(?::|%3[Aa])(?P<verb>[A-Za-z]+)(?:\?.*)?)",
    re.DOTALL,
)
_AS_THEY_ARE = "/@:,"


class Named(NamedTuple):
    """What such a path says. `verb` is the word after the colon."""

    model: str
    verb: str


def named_in(path: str) -> Named | None:
    """The model and the verb of `path`, whatever comes before; None where it has none."""
    found = _PATH.fullmatch(path)
    return None if found is None else Named(unquote(found["model"]), found["verb"])


def renamed(path: str, model: str) -> str | None:
    """`path` for another model, every other byte as it was; None where it names none."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    return found["start"] + quote(model, safe=_AS_THEY_ARE) + found["end"]
