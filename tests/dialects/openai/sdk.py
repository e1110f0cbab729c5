"""The official SDK against a provider that answers everything with the same bytes."""

import httpx2
import openai


def client(body: bytes, content_type: str, status: int = 200) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": content_type, "x-should-retry": "false"}
        return httpx2.Response(status, headers=headers, content=body)

    return openai.OpenAI(
        api_key="none",
        base_url="http://provider.test/v1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )
