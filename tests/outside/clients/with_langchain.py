"""LangChain's langchain-openai. Key, base URL, proxy and trust come from the environment."""

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

model = ChatOpenAI(model="gpt-4o", include_response_headers=True)


def show_target(message):
    headers = message.response_metadata.get("headers")
    if headers:  # those of a stream come with its first piece
        print("x-understudy-target:", headers.get("x-understudy-target"))


def ask():
    message = model.invoke("Hi")
    show_target(message)
    print("text", message.content)


ask()
for piece in model.stream("Hi"):
    show_target(piece)
    if piece.content:
        print("word", piece.content, flush=True)
vectors = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False)
print("vector", *vectors.embed_query("Hi"))
ask()
