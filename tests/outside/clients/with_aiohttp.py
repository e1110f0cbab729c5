"""aiohttp: it reads HTTP_PROXY and HTTPS_PROXY when it is told to; SSL_CERT_FILE it always does."""

import asyncio
import os
import sys

import aiohttp

API = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
KEY = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "text-embedding-3-small", "input": "Hi"}


async def ask(session, path, question):
    async with session.post(f"{API}/{path}", json=question) as answer:
        answer.raise_for_status()
        print("x-understudy-target:", answer.headers.get("x-understudy-target"))
        async for line in answer.content:
            print(line.decode().strip(), flush=True)


async def main():
    trust_env = "--trust-env" in sys.argv
    async with aiohttp.ClientSession(headers=KEY, trust_env=trust_env) as session:
        await ask(session, "chat/completions", CHAT)
        await ask(session, "chat/completions", CHAT | {"stream": True})
        await ask(session, "embeddings", TEXT)
        await ask(session, "chat/completions", CHAT)


asyncio.run(main())
