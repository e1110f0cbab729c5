"""The openai SDK, sync and async. Key, base URL, proxy and trust come from the environment."""

import asyncio

from openai import AsyncOpenAI, OpenAI

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "text-embedding-3-small", "input": "Hi", "encoding_format": "float"}


def show(answer):
    print("x-understudy-target:", answer.headers.get("x-understudy-target"))
    return answer.parse()


def show_word(event):
    if event.choices and event.choices[0].delta.content:
        print("word", event.choices[0].delta.content, flush=True)


def ask(client):
    answer = client.chat.completions.with_raw_response.create(**CHAT)
    print("text", show(answer).choices[0].message.content)


client = OpenAI()
ask(client)
for event in show(client.chat.completions.with_raw_response.create(**CHAT, stream=True)):
    show_word(event)
print("vector", *show(client.embeddings.with_raw_response.create(**TEXT)).data[0].embedding)


async def main():
    client = AsyncOpenAI()
    answer = await client.chat.completions.with_raw_response.create(**CHAT)
    print("text", show(answer).choices[0].message.content)
    answer = await client.chat.completions.with_raw_response.create(**CHAT, stream=True)
    async for event in show(answer):
        show_word(event)
    answer = await client.embeddings.with_raw_response.create(**TEXT)
    print("vector", *show(answer).data[0].embedding)


asyncio.run(main())
ask(client)
