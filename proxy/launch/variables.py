"""The environment variables by which programs are pointed somewhere: the whole list.

Each was looked up in the program that reads it. What is missing is missing for a reason: Mistral's
and xAI's SDKs read none, Hugging Face's none for its router; Together's changed its meaning between
versions; Bedrock's (AWS_ENDPOINT_URL_BEDROCK_RUNTIME, ANTHROPIC_BEDROCK_BASE_URL) would change the
host that the request is signed for (SigV4). Those all come in through HTTPS_PROXY.
"""

from typing import NamedTuple


class BaseUrl(NamedTuple):
    """A variable that holds the base URL of an SDK, and what the SDK takes where it is not set.

    `default` is empty where every customer has a host of their own: then the variable is only
    changed where it is set, as setting it would have some programs choose that provider.
    """

    name: str
    default: str = ""


BASE_URLS = (
    BaseUrl("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    BaseUrl("OPENAI_API_BASE", "https://api.openai.com/v1"),  # its Python SDK before 1, LangChain
    BaseUrl("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),  # the SDK appends /v1
    BaseUrl("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com"),
    BaseUrl("CO_API_URL", "https://api.cohere.com"),  # the Python SDK's; it appends /v1 or /v2
    BaseUrl("GROQ_BASE_URL", "https://api.groq.com"),  # the SDK appends /openai/v1
    BaseUrl("CEREBRAS_BASE_URL", "https://api.cerebras.ai"),  # the SDK appends /v1
    BaseUrl("OLLAMA_HOST", "http://127.0.0.1:11434"),
    BaseUrl("AZURE_OPENAI_ENDPOINT"),  # the SDKs append /openai
    BaseUrl("GOOGLE_VERTEX_BASE_URL"),
    BaseUrl("ANTHROPIC_VERTEX_BASE_URL"),
    BaseUrl("ANTHROPIC_FOUNDRY_BASE_URL"),
)

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")
"""Which proxy to take; both cases are read, and curl reads http_proxy in the lower one only."""

ALL_PROXY = "ALL_PROXY"
NO_PROXY = "NO_PROXY"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
