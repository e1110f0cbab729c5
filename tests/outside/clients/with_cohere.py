"""The cohere SDK. Key, base URL, proxy and trust come from the environment."""

from cohere import ClientV2, UserChatMessageV2

client = ClientV2()
CHAT = {"model": "command-a-03-2025", "messages": [UserChatMessageV2(content="Hi")]}


def show(answer):
    print("x-understudy-target:", answer.headers.get("x-understudy-target"))
    return answer.data


def ask():
    print("text", show(client.with_raw_response.chat(**CHAT)).message.content[0].text)


ask()
with client.with_raw_response.chat_stream(**CHAT) as answer:
    for event in show(answer):
        if event.type == "content-delta":
            print("word", event.delta.message.content.text, flush=True)
vectors = show(
    client.with_raw_response.embed(
        model="embed-v4.0", texts=["Hi"], input_type="search_query", embedding_types=["float"]
    )
)
print("vector", *vectors.embeddings.float_[0])
ask()
