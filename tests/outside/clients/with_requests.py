"""requests: it reads HTTP_PROXY, HTTPS_PROXY and REQUESTS_CA_BUNDLE by itself."""

import os

import requests

API = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "text-embedding-3-small", "input": "Hi"}

session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['OPENAI_API_KEY']}"


def ask(path, question):
    with session.post(f"{API}/{path}", json=question, stream=True, timeout=20) as answer:
        answer.raise_for_status()
        print("x-understudy-target:", answer.headers.get("x-understudy-target"))
        for line in answer.iter_lines():
            print(line.decode(), flush=True)


ask("chat/completions", CHAT)
ask("chat/completions", CHAT | {"stream": True})
ask("embeddings", TEXT)
ask("chat/completions", CHAT)
