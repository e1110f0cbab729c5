"""An application on Anthropic's Messages API."""

from typing import Any

from proxy.core.call import Operation
from proxy.drill.app.tongue import QUESTION, Asking, Heard, document, events, post

_FIELDS = (("x-api-key", "sk-ant-drill-0123456789abcdef"), ("anthropic-version", "2023-06-01"))


class Anthropic:
    """Messages, plain and streamed."""

    operations = (Operation.CHAT,)

    def model(self, operation: Operation) -> str:
        return "claude-sonnet-4-5"

    def streams(self, operation: Operation) -> bool:
        return True

    def ask(self, operation: Operation, model: str, stream: bool) -> Asking:
        messages = [{"role": "user", "content": QUESTION}]
        said: dict[str, Any] = {"model": model, "max_tokens": 100, "messages": messages}
        if stream:
            said["stream"] = True
        return post("/v1/messages", said, *_FIELDS)

    def hear(self, operation: Operation, stream: bool, body: bytes) -> Heard:
        if stream and not body.lstrip().startswith(b"{"):
            return _hear_events(body)
        said = document(body)
        if said.get("type") == "error":
            return Heard(error=_message(said))
        text = "".join(block.get("text", "") for block in said.get("content") or [])
        return Heard(text, finished=said.get("stop_reason") is not None)


def _hear_events(body: bytes) -> Heard:
    text, stopped, ended = "", False, False
    for event in events(body):
        said = document(event)
        match said.get("type"):
            case "error":
                return Heard(text, error=_message(said))
            case "content_block_delta":
                text += said["delta"].get("text", "")
            case "message_delta":
                stopped = said["delta"].get("stop_reason") is not None
            case "message_stop":
                ended = True
    return Heard(text, finished=stopped and ended)


def _message(said: dict[str, Any]) -> str:
    return str((said.get("error") or {}).get("message"))
