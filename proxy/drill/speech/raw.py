"""Of an API that nobody here reads: plain statuses, with a few words of no form in particular."""

from typing import Any

import orjson

from proxy.drill.speech.words import Answer, Trouble, sliced

_STATUSES = {
    Trouble.RATE_LIMIT: 429,
    Trouble.QUOTA: 402,
    Trouble.WRONG_KEY: 401,
    Trouble.SERVER_ERROR: 500,
    Trouble.OVERLOADED: 529,
    Trouble.CONTEXT_LENGTH: 400,
    Trouble.CONTENT_FILTER: 400,
    Trouble.PREFILL: 400,
    Trouble.TOO_LARGE: 413,
}


class Raw:
    """See the module."""

    def answer(self, target: str, said: Any, text: str) -> Answer:
        return sliced("application/json", orjson.dumps({"said": text}))

    def prefill(self, said: Any) -> str:
        return ""

    def status(self, trouble: Trouble) -> int:
        return _STATUSES[trouble]

    def error(self, trouble: Trouble, detail: str = "") -> bytes:
        return orjson.dumps({"message": f"{trouble} {detail}".strip()})

    def error_event(self, trouble: Trouble) -> bytes:
        return self.error(trouble)
