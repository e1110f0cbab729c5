"""The anthropic SDK, sync and async. Key, base URL, proxy and trust come from the environment."""

import asyncio

from anthropic import Anthropic, AsyncAnthropic

QUESTION = {
    "model": "claude-opus-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}


def show(answer):
    print("x-understudy-target:", answer.headers.get("x-understudy-target"))
    return answer.parse()  # to be awaited, of an async client


def show_word(event):
    if event.type == "content_block_delta":
        print("word", event.delta.text, flush=True)


def ask(client):
    answer = client.messages.with_raw_response.create(**QUESTION)
    print("text", show(answer).content[0].text)


client = Anthropic()
ask(client)
for event in show(client.messages.with_raw_response.create(**QUESTION, stream=True)):
    show_word(event)


async def main():
    client = AsyncAnthropic()
    answer = await client.messages.with_raw_response.create(**QUESTION)
    print("text", (await show(answer)).content[0].text)
    answer = await client.messages.with_raw_response.create(**QUESTION, stream=True)
    async for event in await show(answer):
        show_word(event)


asyncio.run(main())
ask(client)
