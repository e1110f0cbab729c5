"""The sum of this folder: Gemini's API as the rest of the program asks about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.call import Operation
from proxy.core.failure import FailureKind
from proxy.core.headers import Headers
from proxy.dialects.credentials import CREDENTIALS
from proxy.dialects.dialect import Asked, Complaint, Judgement, StreamReader
from proxy.dialects.gemini import answer, keep, paths, stream
from proxy.dialects.gemini import complaint as told
from proxy.dialects.openai import asked
from proxy.dialects.silent import Silent
from proxy.dialects.unjoined import Unjoined

_TOKENS = "ya29."
"""How Google's access tokens begin, which is what Vertex wants instead of a key."""


@dataclass(frozen=True, slots=True)
class Gemini(Silent, Unjoined):
    """See `proxy.dialects.dialect.Dialect` for what each method promises.

    It has no comments: python-genai takes any line that is no `data:` for JSON, and a stream may be
    an array, where there is no place for one.
    """

    name: str = "gemini"
    credential_headers: frozenset[str] = CREDENTIALS
    models_path: str = "/v1beta/models"

    def recognise(self, method: str, path: str) -> Operation:
        return paths.recognise(method, path)

    def read(self, operation: Operation, path: str, body: bytes) -> Asked:
        return paths.read(path)

    def sign(self, api_key: str) -> tuple[tuple[str, str], ...]:
        if api_key.startswith(_TOKENS):
            return (("Authorization", f"Bearer {api_key}"),)
        return (("x-goog-api-key", api_key),)

    def readdress(self, path: str, model: str) -> str:
        return paths.readdress(path, model)

    def rewrite(self, body: bytes, model: str | None, changes: Mapping[str, Any]) -> bytes:
        """The path names the model, see `readdress`; here are only the settings."""
        return asked.rewrite(body, None, changes)

    def judge(
        self, operation: Operation, status: int, headers: Headers, body: bytes, wall_s: float
    ) -> Judgement:
        return answer.judge(operation, status, headers, body, wall_s)

    def reader(
        self, operation: Operation, headers: Headers, streamed: bool = False
    ) -> StreamReader | None:
        return stream.reader(operation, headers, streamed)

    def whole(self, operation: Operation, headers: Headers, body: bytes, streamed: bool) -> bool:
        return keep.whole(operation, headers, body, streamed)

    def error(self, complaint: Complaint) -> tuple[bytes, str]:
        return told.error(complaint)

    def error_event(self, kind: FailureKind, message: str) -> bytes:
        return told.error_event(kind, message)
