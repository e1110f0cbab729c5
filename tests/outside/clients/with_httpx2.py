"""httpx2, sync and async: it reads HTTP_PROXY, HTTPS_PROXY and SSL_CERT_FILE by itself."""

import asyncio
import os

import httpx2

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "text-embedding-3-small", "input": "Hi"}
API = {
    "base_url": os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "headers": {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
    "timeout": 20,
}


def show_target(answer):
    answer.raise_for_status()
    print("x-understudy-target:", answer.headers.get("x-understudy-target"))


def ask(client, path, question):
    answer = client.post(path, json=question)
    show_target(answer)
    print(answer.text)


client = httpx2.Client(**API)
ask(client, "chat/completions", CHAT)
with client.stream("POST", "chat/completions", json=CHAT | {"stream": True}) as answer:
    show_target(answer)
    for line in answer.iter_lines():
        print(line, flush=True)
ask(client, "embeddings", TEXT)


async def main():
    async with httpx2.AsyncClient(**API) as client:
        answer = await client.post("chat/completions", json=CHAT)
        show_target(answer)
        print(answer.text)
        streamed = CHAT | {"stream": True}
        async with client.stream("POST", "chat/completions", json=streamed) as answer:
            show_target(answer)
            async for line in answer.aiter_lines():
                print(line, flush=True)


asyncio.run(main())
ask(client, "chat/completions", CHAT)
