"""Which speech a dialect's provider has. A dialect that is not here has plain statuses only."""

from proxy.drill.speech.anthropic import Anthropic
from proxy.drill.speech.gemini import Gemini
from proxy.drill.speech.openai import OpenAI
from proxy.drill.speech.raw import Raw
from proxy.drill.speech.words import Speech


def speech_of(dialect: str) -> Speech:
    known: dict[str, Speech] = {"openai": OpenAI(), "anthropic": Anthropic(), "gemini": Gemini()}
    return known.get(dialect) or Raw()
