"""The google-genai SDK. Key, base URL, proxy and trust come from the environment."""

from google import genai

client = genai.Client()
MODEL = "gemini-2.5-flash"


def show_target(answer):
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    print("x-understudy-target:", headers.get("x-understudy-target"))


def ask():
    answer = client.models.generate_content(model=MODEL, contents="Hi")
    show_target(answer)
    print("text", answer.text)


ask()
for number, piece in enumerate(client.models.generate_content_stream(model=MODEL, contents="Hi")):
    if number == 0:
        show_target(piece)
    if piece.text:
        print("word", piece.text, flush=True)
ask()
