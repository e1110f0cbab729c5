"""Which tongue an application of a dialect has. Of any other it only takes what comes."""

from proxy.drill.app.anthropic import Anthropic
from proxy.drill.app.gemini import Gemini
from proxy.drill.app.openai import OpenAI
from proxy.drill.app.raw import Raw
from proxy.drill.app.tongue import Tongue


def tongue_of(dialect: str) -> Tongue:
    known: dict[str, Tongue] = {"openai": OpenAI(), "anthropic": Anthropic(), "gemini": Gemini()}
    return known.get(dialect) or Raw()
