"""An application on the Gemini API."""

from typing import Any

from proxy.core.call import Operation
from proxy.drill.app.tongue import QUESTION, Asking, Heard, document, events, post

_KEY = ("x-goog-api-key", "drill-0123456789abcdefghij")


class Gemini:
    """generateContent, and streamGenerateContent with events."""

    operations = (Operation.CHAT,)

    def model(self, operation: Operation) -> str:
        return "gemini-2.5-flash"

    def streams(self, operation: Operation) -> bool:
        return True

    def ask(self, operation: Operation, model: str, stream: bool) -> Asking:
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": QUESTION}]}]
        return post(f"/v1beta/models/{model}:{method}", {"contents": contents}, _KEY)

    def hear(self, operation: Operation, stream: bool, body: bytes) -> Heard:
        plain = not stream or body.lstrip().startswith(b"{")
        heard = Heard()
        for said in [document(body)] if plain else map(document, events(body)):
            if error := _error(said):
                return Heard(heard.text, error=error)
            candidate = (said.get("candidates") or [{}])[0]
            parts = (candidate.get("content") or {}).get("parts") or []
            text = "".join(part.get("text", "") for part in parts)
            finished = heard.finished or candidate.get("finishReason") is not None
            heard = Heard(heard.text + text, finished)
        return heard


def _error(said: dict[str, Any]) -> str:
    if error := said.get("error"):
        return str(error.get("message"))
    blocked = (said.get("promptFeedback") or {}).get("blockReason")
    return f"blocked: {blocked}" if blocked else ""
