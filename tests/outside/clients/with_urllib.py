"""urllib of the standard library: it reads HTTP_PROXY, HTTPS_PROXY and SSL_CERT_FILE by itself."""

import json
import os
from urllib.request import Request, urlopen

API = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
HEADERS = {
    "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
    "Content-Type": "application/json",
}
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "text-embedding-3-small", "input": "Hi"}


def ask(path, question):
    request = Request(f"{API}/{path}", json.dumps(question).encode(), HEADERS)
    with urlopen(request, timeout=20) as answer:
        print("x-understudy-target:", answer.headers.get("x-understudy-target"))
        for line in answer:
            print(line.decode().strip(), flush=True)


ask("chat/completions", CHAT)
ask("chat/completions", CHAT | {"stream": True})
ask("embeddings", TEXT)
ask("chat/completions", CHAT)
