"""Policies over two providers on loopback, and the names that tests and policies share."""

from typing import NamedTuple

from tests.provider import Provider

HOST = "provider.test"
"""By this name, which exists nowhere, an app with HTTP_PROXY calls the first provider."""

APP_KEY = "sk-app-0123456789abcdefghijklmnop"
OTHER_KEY = "sk-other-0123456789abcdefghijklmno"
NEVER_OPEN = "{consecutive: 1000000, min_calls: 1000000}"
"""A breaker that stays out of the way of tests about something else."""

NO_MEMORY = """
  health: {failures: 1000000}
  limit: {learn: false}"""
"""Of one test for the next: who has failed, or wants to be left alone, is asked all the same."""

PATIENCE_S = 0.5
"""How long a provider may be silent: longer than a busy machine is, short enough to wait for."""


class Providers(NamedTuple):
    """Those that a policy is about."""

    first: Provider
    second: Provider


def two(providers: Providers, *, last_resort: str = "none") -> str:
    """`openai` first, then `other` under its own key and another name for the model."""
    return f"""
version: 1
defaults:
  timeout: {{connect: 2s, first_byte: {PATIENCE_S}s, idle: {PATIENCE_S}s, total: {PATIENCE_S}s}}
  retry: {{attempts: 2, retry_after_max: 2s, backoff: {{initial: 1ms, max: 2ms}}}}
  breaker: {NEVER_OPEN}{NO_MEMORY}
upstreams:
  openai: {{dialect: openai, url: {providers.first.url}, hosts: {HOST}}}
  other:
    dialect: openai
    url: {providers.second.url}/api
    api_key: {OTHER_KEY}
    models: {{gpt-4o: vendor/gpt-4o}}
routes:
  - name: chat
    match: {{upstream: openai, operation: [chat, embeddings]}}
    targets: [openai, other]
    last_resort: {last_resort}
"""


def one(providers: Providers) -> str:
    """`openai` and nobody else, asked once; a second upstream on the same provider is `raw`."""
    return f"""
version: 1
defaults:
  retry: {{attempts: 1}}
  breaker: {NEVER_OPEN}{NO_MEMORY}
upstreams:
  openai: {{dialect: openai, url: {providers.first.url}, hosts: {HOST}}}
  raw: {{dialect: raw, url: {providers.first.url}/base, hosts: raw.test}}
"""
