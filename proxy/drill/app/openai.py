"""An application on OpenAI's API."""

from typing import Any

from proxy.core.call import Operation
from proxy.drill.app.tongue import QUESTION, Asking, Heard, document, events, post

_MODELS = {
    Operation.CHAT: "gpt-4o-mini",
    Operation.COMPLETIONS: "gpt-3.5-turbo-instruct",
    Operation.EMBEDDINGS: "text-embedding-3-small",
}
_KEY = ("Authorization", "Bearer sk-drill-0123456789abcdefghij")


class OpenAI:
    """Chat, completions, embeddings and the list of models."""

    operations = (*_MODELS, Operation.MODELS)

    def model(self, operation: Operation) -> str:
        return _MODELS.get(operation, "")

    def streams(self, operation: Operation) -> bool:
        return operation in (Operation.CHAT, Operation.COMPLETIONS)

    def ask(self, operation: Operation, model: str, stream: bool) -> Asking:
        said: dict[str, Any] = {"model": model}
        if stream:
            said["stream"] = True
        if operation is Operation.CHAT:
            said["messages"] = [{"role": "user", "content": QUESTION}]
            return post("/v1/chat/completions", said, _KEY)
        if operation is Operation.COMPLETIONS:
            return post("/v1/completions", {**said, "prompt": QUESTION}, _KEY)
        if operation is Operation.EMBEDDINGS:
            return post("/v1/embeddings", {**said, "input": [QUESTION]}, _KEY)
        return Asking("GET", "/v1/models", (_KEY,))

    def hear(self, operation: Operation, stream: bool, body: bytes) -> Heard:
        if stream and not body.lstrip().startswith(b"{"):
            return _hear_events(body)
        said = document(body)
        if error := said.get("error"):
            return Heard(error=_message(error))
        if operation in (Operation.EMBEDDINGS, Operation.MODELS):
            return Heard(finished=isinstance(said.get("data"), list))
        choice = _choice(said)
        text = choice.get("text") or (choice.get("message") or {}).get("content") or ""
        return Heard(text, finished=choice.get("finish_reason") is not None)


def _hear_events(body: bytes) -> Heard:
    text, finished, done = "", False, False
    for event in events(body):
        if event == b"[DONE]":
            done = True
            continue
        said = document(event)
        if error := said.get("error"):
            return Heard(text, error=_message(error))
        choice = _choice(said)
        text += choice.get("text") or (choice.get("delta") or {}).get("content") or ""
        finished = finished or choice.get("finish_reason") is not None
    return Heard(text, finished=finished and done)


def _choice(said: dict[str, Any]) -> dict[str, Any]:
    choices = said.get("choices") or [{}]
    return choices[0] if isinstance(choices[0], dict) else {}


def _message(error: Any) -> str:
    return str(error.get("message")) if isinstance(error, dict) else str(error)
