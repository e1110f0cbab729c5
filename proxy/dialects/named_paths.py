"""Paths that name the model, and after a colon what is asked of it.

/v1beta/models/gemini-2.5-flash:generateContent                                   Gemini
/v1/projects/P/locations/L/publishers/anthropic/models/claude-x@1:rawPredict      Vertex
/v1/projects/P/locations/L/endpoints/7:predict                                    Vertex
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

_KIND = re.compile(r"/(?:models|tunedModels|endpoints)/")
_VERB = re.compile(r"(?::|%3[Aa])([A-Za-z]+)\Z")
_AS_THEY_ARE = "/@:,"


class Named(NamedTuple):
    """What such a path says. `verb` is the word after the colon."""

    model: str
    verb: str


def named_in(path: str) -> Named | None:
    """The model and the verb of `path`, whatever comes before; None where it has none."""
    found = _parts(path)
    return None if found is None else Named(unquote(found.model), found.verb)


def renamed(path: str, model: str) -> str | None:
    """`path` for another model, every other byte as it was; None where it names none."""
    found = _parts(path)
    if found is None:
        return None
    return found.start + quote(model, safe=_AS_THEY_ARE) + found.end


class _Parts(NamedTuple):
    start: str
    model: str
    end: str
    verb: str


def _parts(path: str) -> _Parts | None:
    """In one pass: who asks may make a path as long as a header."""
    bare = path.partition("?")[0]
    kind = _KIND.search(bare)
    verb = _VERB.search(bare, kind.end() + 1) if kind is not None else None
    if kind is None or verb is None:
        return None
    at, to = kind.end(), verb.start()
    return _Parts(path[:at], path[at:to], path[to:], verb[1])
