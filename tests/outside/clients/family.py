"""The providers that client programs call, and what each program's environment says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from proxy.drill.speech.anthropic import Anthropic
from proxy.drill.speech.gemini import Gemini
from proxy.drill.speech.openai import OpenAI
from proxy.drill.speech.words import Speech
from tests.outside.clients.cohere_speech import Cohere
from tests.outside.policies import NEVER_OPEN, NO_MEMORY, OTHER_KEY
from tests.provider import Provider


class Asked(StrEnum):
    CHAT = "chat"
    STREAM = "streamed"
    VECTOR = "embeddings"


@dataclass(frozen=True, eq=False)
class Family:
    """`host` is where its SDK calls by itself, `base_url` the variable that leads it elsewhere (to
    a URL that ends in `suffix`), `key` the variable of its key. `targets` are patterns."""

    name: str
    speech: Speech
    host: str
    base_url: str
    suffix: str
    key: str
    targets: Mapping[Asked, str]

    @property
    def plain_host(self) -> str:
        """Which it is called by in plain HTTP: it exists nowhere."""
        return f"{self.name}.test"

    @property
    def other(self) -> str:
        """The upstream that stands in."""
        return f"other_{self.name}"

    def policy(self, first: Provider, other: Provider) -> str:
        """Two upstreams."""
        hosts = f"[{self.host}, {self.plain_host}]"
        return f"""
  {self.name}: {{dialect: {self.name}, url: {first.url}, hosts: {hosts}}}
  {self.other}: {{dialect: {self.name}, url: {other.url}, api_key: {OTHER_KEY}}}"""

    @property
    def route(self) -> str:
        match = f"{{upstream: {self.name}}}"
        return f"""
  - {{name: {self.name}, match: {match}, targets: [{self.name}, {self.other}]}}"""


_GEMINI = "/v1(beta)?/models/gemini-2.5-flash"
FAMILIES = (
    Family(
        "openai",
        OpenAI(),
        "api.openai.com",
        "OPENAI_BASE_URL",
        "/v1",
        "OPENAI_API_KEY",
        {
            Asked.CHAT: "/v1/chat/completions",
            Asked.STREAM: "/v1/chat/completions",
            Asked.VECTOR: "/v1/embeddings",
        },
    ),
    Family(
        "anthropic",
        Anthropic(),
        "api.anthropic.com",
        "ANTHROPIC_BASE_URL",
        "",
        "ANTHROPIC_API_KEY",
        {Asked.CHAT: "/v1/messages", Asked.STREAM: "/v1/messages"},
    ),
    Family(
        "gemini",
        Gemini(),
        "generativelanguage.googleapis.com",
        "GOOGLE_GEMINI_BASE_URL",
        "",
        "GEMINI_API_KEY",
        {
            Asked.CHAT: f"{_GEMINI}:generateContent",
            Asked.STREAM: rf"{_GEMINI}:streamGenerateContent\?alt=sse",
        },
    ),
    Family(
        "cohere",
        Cohere(),
        "api.cohere.com",
        "CO_API_URL",
        "",
        "CO_API_KEY",
        {Asked.CHAT: "/v2/chat", Asked.STREAM: "/v2/chat", Asked.VECTOR: "/v2/embed"},
    ),
)
OPENAI, ANTHROPIC, GEMINI, COHERE = FAMILIES


@dataclass(frozen=True)
class Pair:
    """The two providers of a family."""

    first: Provider
    other: Provider


def policy_of(pairs: Mapping[Family, Pair]) -> str:
    """Every family's first provider, and its other one where that fails. Nobody is hurried: the
    programs are slow to start."""
    upstreams = "".join(family.policy(pair.first, pair.other) for family, pair in pairs.items())
    return f"""
version: 1
defaults:
  timeout: {{connect: 5s, first_byte: 20s, idle: 20s, total: 1m}}
  retry: {{attempts: 1}}
  breaker: {NEVER_OPEN}{NO_MEMORY}
upstreams:{upstreams}
routes:{"".join(family.route for family in pairs)}
"""
