"""The official SDK as an application uses it, told nothing but two environment variables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from unittest.mock import patch

import openai
from openai import OpenAI

from tests.outside.policies import APP_KEY, HOST

QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}


class Way(StrEnum):
    """How an application is pointed at the proxy."""

    BASE_URL = "OPENAI_BASE_URL"
    HTTP_PROXY = "HTTP_PROXY"


def pointed(way: Way, listen: str) -> dict[str, str]:
    """The environment of an application that goes this way; all else that could matter is unset."""
    if way is Way.BASE_URL:
        told = {"OPENAI_BASE_URL": f"{listen}/openai/v1"}
    else:
        told = {"HTTP_PROXY": listen, "OPENAI_BASE_URL": f"http://{HOST}/v1"}
    return {"OPENAI_API_KEY": APP_KEY, **told}


@contextmanager
def app(way: Way, listen: str, *, max_retries: int | None = None) -> Iterator[OpenAI]:
    """A client. `max_retries` of None leaves the SDK's own retries on, as most applications do."""
    unset = [name for name in os.environ if name.lower().endswith("_proxy")]
    with patch.dict(os.environ, pointed(way, listen)):
        for name in unset:
            if name != Way.HTTP_PROXY or way is Way.BASE_URL:
                del os.environ[name]
        retries = openai.DEFAULT_MAX_RETRIES if max_retries is None else max_retries
        with OpenAI(max_retries=retries, timeout=10.0) as client:
            yield client


def chat(client: OpenAI, *, stream: bool) -> str:
    """The whole text of an answer. Raises whatever the SDK raises."""
    if not stream:
        answer = client.chat.completions.create(**QUESTION)
        return answer.choices[0].message.content or ""
    heard, finished = "", False
    with client.chat.completions.create(**QUESTION, stream=True) as events:
        for event in events:
            if event.choices:
                heard += event.choices[0].delta.content or ""
                finished = finished or event.choices[0].finish_reason is not None
    assert finished, f"a short answer that looks whole: {heard!r}"
    return heard
