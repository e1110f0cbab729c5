"""Which dialects there are. To add one: a folder, a line here, and its word in `policy.schema`."""

from proxy.dialects.anthropic.dialect import Anthropic
from proxy.dialects.bedrock.dialect import Bedrock
from proxy.dialects.cohere.dialect import Cohere
from proxy.dialects.dialect import Dialect
from proxy.dialects.gemini.dialect import Gemini
from proxy.dialects.openai.dialect import OpenAI
from proxy.dialects.raw import Raw

_DIALECTS: tuple[Dialect, ...] = (
    OpenAI(),
    Anthropic(),
    Gemini(),
    Cohere(),
    Bedrock(),
    Raw(),
)

NAMES = tuple(dialect.name for dialect in _DIALECTS)
"""The words for `dialect` in policy files, the likeliest first."""


def dialect_named(name: str) -> Dialect:
    """The dialect of that name. LookupError, with the names there are, when there is none."""
    for dialect in _DIALECTS:
        if dialect.name == name:
            return dialect
    raise LookupError(f"no dialect is called {name!r}; there are {', '.join(NAMES)}")
